#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "files/image.hpp"
#include "llsa/attention_choice.hpp"
#include "llsa/error.hpp"
#include "llsa/tensor.hpp"
#include "llsa/token_order.hpp"

namespace llsa::viewer {

/// One Q, K, V of a document: a whole file, or one layer and step of a capture.
struct QkvSet {
  std::string name;  ///< what its tensors' names have before "q", empty for plain ones
  Tensor<float> query, key, value;
};

/// What was opened. All sets have the same numbers of tokens.
struct Document {
  std::vector<std::filesystem::path> files;  ///< empty for the built-in picture
  std::string title;
  bool is_generated = false;  ///< captured from what the open checkpoint generates
  std::vector<QkvSet> sets;
  Grid query_grid, key_grid;                 ///< how tokens lie on a picture; equal for self-attention
  std::string order;                         ///< the order of the tokens in the sets: raster, morton or hilbert
  std::optional<AttentionChoice> made_with;  ///< the attention that the tensors ran with, where their file says so
  /// Drawn under query_grid, of any size: none, one, or one a batch entry; of videos one a frame, entry after entry, or
  /// one behind every frame.
  std::vector<files::Image> pictures;

  /// Null when there is none.
  const files::Image* picture(std::int64_t batch, std::int64_t frame = 0) const {
    if (pictures.empty()) return nullptr;
    const auto frames = static_cast<std::size_t>(query_grid.frames), entries = pictures.size() / frames;
    if (pictures.size() % frames != 0) return &pictures.front();
    return &pictures[static_cast<std::size_t>(batch) % entries * frames + static_cast<std::size_t>(frame)];
  }

  const Shape& shape(int set = 0) const { return sets[static_cast<std::size_t>(set)].query.shape(); }
  bool self_attention() const { return query_grid == key_grid; }
};

/// What a person said about a file beside its metadata. Metadata that a file has wins over nothing, a hint over
/// metadata.
struct LoadHints {
  std::optional<std::string> layout, order;
  std::optional<Grid> grid, key_grid;
  std::optional<Grid> picture_size;  ///< tokens that a picture becomes; else its own size, at most 256 a side
  std::filesystem::path picture;     ///< put behind Q, K, V of a file; empty for none
  bool in_order = false;             ///< three files are Q, K, V as listed, whatever their names
  std::uint64_t seed = 1;            ///< of the built-in picture and of the projection from pictures to Q, K, V
};

/// Thrown when a file does not say how its tokens are to be read. Nothing is guessed: ask, put the answers into
/// `LoadHints` and load again.
class MetadataNeeded : public Error {
 public:
  explicit MetadataNeeded(std::string message) : Error(std::move(message)) {}
  bool layout = false, grid = false, key_grid = false, order = false;  ///< what is missing
  std::vector<std::int64_t> stored_shape;                              ///< of Q
  std::int64_t query_tokens = 0, key_tokens = 0;                       ///< 0 while the layout is unknown
};

/// Opens one picture, one .safetensors file, or .npy files of Q, K and V (three of them, or one whose siblings are
/// found by name: `q.npy` or anything ending in `_q.npy`, `-q.npy`, `.q.npy`). Without files: the built-in picture.
/// Metadata `layout`, `grid`, `key_grid` and `order` are honoured. Throws `MetadataNeeded`, or `Error` with the path.
Document load_document(const std::vector<std::filesystem::path>& files, const LoadHints& hints);

/// Whether the file's name says that it is a picture (.png, .jpg, .jpeg).
bool is_picture(const std::filesystem::path& path);

}  // namespace llsa::viewer

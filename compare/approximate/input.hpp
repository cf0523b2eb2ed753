#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "llsa/attention.hpp"
#include "llsa/token_order.hpp"

namespace llsa::compare::approximate {

/// Q, K, V on which methods are compared with dense attention.
struct Input {
  std::string name = {};                           ///< short, for tables
  std::string source = {};                         ///< one sentence: where it comes from and what was done to it
  Tensor<float> query = {}, key = {}, value = {};  ///< `[batch, heads, tokens, dim]`, in token order `order`
  std::optional<Grid> grid = {};  ///< known, and that of queries and keys alike: other token orders can be tried
  std::string order = {};         ///< raster, morton or hilbert; "as stored" where there is no grid
  double scale = 0;

  AttentionInputs<float> inputs() const { return {query.view(), key.view(), value.view()}; }
};

/// The tensors q, k and v of a .safetensors file; layout, grid, token order and scale by its metadata
/// (docs/file-formats.md). Throws `Error`, one line that begins with the path, for a file that is malformed, shapes
/// that do not belong together, and numbers that are not finite.
Input input_from_file(const std::filesystem::path& path);

/// The pixels of a picture as tokens, projected as llsa-demo does it (datasets/pixel_projection.hpp).
struct PictureRequest {
  std::filesystem::path path = {};  ///< PNG or JPEG; empty: a generated landscape
  int size = 128;                   ///< resampled to size x size, 8 to 1024
  std::int64_t heads = 4, head_dim = 64;
  std::uint64_t seed = 1;  ///< of the projection, and of the landscape
};
/// Throws `Error` for a picture that cannot be read and numbers out of range.
Input input_from_picture(const PictureRequest& request);

/// Some batch entries and query heads of an input: the first of each, with the key heads that they read; at least one
/// key head with all its query heads.
Input first_heads(const Input& input, std::int64_t batch, std::int64_t heads);

/// The input with its tokens in another order. `order` must be the input's own or, where the grid is known, one that
/// `token_order` knows; throws `Error` otherwise.
Input reordered(const Input& input, const std::string& order);

/// Where token `i` of `from` lies in `to` (both as `reordered` takes them).
std::vector<std::int64_t> position_map(const Input& input, const std::string& to);

}  // namespace llsa::compare::approximate

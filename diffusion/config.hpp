#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "files/extent.hpp"
#include "llsa/attention_choice.hpp"
#include "llsa/method.hpp"
#include "llsa/token_order.hpp"

namespace llsa::diffusion {

/// The shape of a pixel diffusion transformer of pictures or videos. Set fields by name. Its parameters do not depend
/// on `extent`: they can be taken over to another one.
struct ModelConfig {
  /// Of a picture, or of a video: several frames make the model one of videos.
  files::PictureExtent extent = files::square(32);
  std::int64_t channels = 3;
  std::int64_t patch_size = 1;  ///< p x p pixels of one frame a token; divides height and width
  std::int64_t hidden = 96;     ///< a multiple of heads, hidden / heads a multiple of 4
  std::int64_t layers = 6;
  std::int64_t heads = 3;
  std::int64_t mlp_ratio = 4;
  std::int64_t classes = 0;  ///< 0: unconditional; otherwise labels 0..classes-1, and `classes` means "no label"
  /// Their names, by label, as the training data had them: other pictures are labelled by these. Empty where nobody
  /// knows them (checkpoints from before they were kept).
  std::vector<std::string> class_names = {};
  std::int64_t frequency_dim = 256;  ///< sinusoidal timestep features, even, at least 4
  bool per_block_embedders = false;  ///< every block embeds timestep and label itself, as diffusers' DiT checkpoints do
  double rope_base = 100;            ///< > 1
  AttentionChoice attention = {.order = "morton"};
  /// Of growing resolution, the last one that of `extent`, each before it half as high and wide; attention is the
  /// chosen method at the last alone. 1: a plain model. See stages.hpp.
  std::int64_t stages = 1;
  bool part_of_stages = false;  ///< this is one stage of such a model: as plain ones, but told its resolution

  bool embeds_resolution() const { return stages > 1 || part_of_stages; }

  Grid grid() const {
    return {.frames = extent.frames, .height = extent.height / patch_size, .width = extent.width / patch_size};
  }
  std::int64_t tokens() const { return grid().size(); }
  std::int64_t head_dim() const { return hidden / heads; }
  /// Q, K and V of one picture.
  Shape head_shape() const { return {.batch = 1, .heads = heads, .tokens = tokens(), .dim = head_dim()}; }
  /// Numbers in a token: channels * patch_size^2.
  std::int64_t token_dim() const { return channels * patch_size * patch_size; }
  /// Numbers in a picture or video `[frames, channels, height, width]`.
  std::int64_t image_elements() const { return channels * extent.pixels(); }
  /// Numbers in one of its frames, which is a picture.
  std::int64_t frame_elements() const { return channels * extent.pixels_of_a_frame(); }
};

/// Throws `Error` naming the first field that is out of range, its value and what is allowed.
void validate(const ModelConfig& config);

/// "tiny" (two CPU cores), "S" (12 layers, 6 heads of 64: the paper's) or "B" (12 layers, 12 heads of 64), at 32 x 32
/// pixels. Throws `Error` for another name.
ModelConfig preset(std::string_view name);
std::vector<std::string> preset_names();

/// Height and width as settings keep them: a number for squares, "HxW" for others. Without the frames.
nlohmann::json size_to_json(const files::PictureExtent& extent);

/// The extent is written as `image_size`, a number for squares and "HxW" for others, and `frames` where there are
/// several: what knows of square pictures alone reads those as ever.
nlohmann::json to_json(const ModelConfig& config);
/// Throws `Error` when a field is missing, has the wrong type or is out of range.
ModelConfig model_config_from(const nlohmann::json& json);

}  // namespace llsa::diffusion

#include "diffusion/tokens.hpp"

namespace llsa::diffusion {

TokenMap token_map(const ModelConfig& c, const TokenOrder& order) {
  TokenMap map;
  const auto elements = static_cast<std::size_t>(c.image_elements());
  for (auto* index : {&map.image_to_input, &map.output_to_image, &map.image_to_output}) index->resize(elements);
  const std::int64_t p = c.patch_size;
  const Grid grid = c.grid();
  for (std::int64_t token = 0; token < c.tokens(); ++token) {
    const std::int64_t cell = order.to_raster()[static_cast<std::size_t>(token)];
    const std::int64_t frame = cell / (grid.height * grid.width), row = cell / grid.width % grid.height;
    for (std::int64_t channel = 0; channel < c.channels; ++channel) {
      for (std::int64_t i = 0; i < p * p; ++i) {
        const std::int64_t y = row * p + i / p, x = cell % grid.width * p + i % p;
        const std::int64_t element = ((frame * c.channels + channel) * c.extent.height + y) * c.extent.width + x;
        const std::int64_t input = token * c.token_dim() + channel * p * p + i;
        const std::int64_t output = token * c.token_dim() + i * c.channels + channel;
        map.image_to_input[std::size_t(input)] = static_cast<std::int32_t>(element);
        map.image_to_output[std::size_t(output)] = static_cast<std::int32_t>(element);
        map.output_to_image[std::size_t(element)] = static_cast<std::int32_t>(output);
      }
    }
  }
  return map;
}

}  // namespace llsa::diffusion

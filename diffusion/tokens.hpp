#pragma once

#include <cstdint>
#include <vector>

#include "diffusion/config.hpp"

namespace llsa::diffusion {

/// How the elements of a picture or video `[frames, channels, height, width]` and of its tokens `[tokens, token_dim]`
/// correspond, as gathers: `to[i] = from[index[i]]`. Tokens come in the model's order; that is the only place where the
/// order matters.
struct TokenMap {
  std::vector<std::int32_t> image_to_input;   ///< token features (channel, patch row, patch column), as a convolution's
  std::vector<std::int32_t> output_to_image;  ///< from token features (patch row, patch column, channel)
  std::vector<std::int32_t> image_to_output;  ///< the inverse of `output_to_image`: its backward
};

TokenMap token_map(const ModelConfig& config, const TokenOrder& order);

}  // namespace llsa::diffusion

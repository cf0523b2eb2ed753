#pragma once

#include "diffusion/data.hpp"
#include "diffusion/runner.hpp"

namespace llsa::compare::tables {

/// How well a model finds the picture behind the noise: the mean of `(x_found - x)^2` over pictures and over the noise
/// levels `denoising_levels` (the deviation of the noise beside pictures in -1..1). The
/// noise level r is met at the time t where `t s = r (1 - t)`, whatever the noise scale s that a model was trained
/// with, so that models which learn different targets at different times are asked the same question: `x_found = x_t -
/// t v(x_t)`. Noise depends on `seed` alone. Pictures are in -1..1.
inline constexpr double denoising_levels[] = {0.25, 0.5, 1, 2, 4};
double denoising_error(diffusion::Runner& runner, std::span<const float> weights, const diffusion::FlowConfig& flow,
                       std::uint64_t seed, std::span<const float> pictures, std::span<const std::int32_t> labels);

}  // namespace llsa::compare::tables

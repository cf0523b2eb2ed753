#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "diffusion/config.hpp"
#include "diffusion/random.hpp"

namespace llsa::diffusion {

/// One stage of a flow through growing resolutions (PixelFlow: Chen et al., 2025). Local time t falls from 1, where the
/// stage begins, to 0, where it ends. With D the data at this stage's resolution (means of 2 x 2 pixels, again and
/// again), B the data at the half of it enlarged by repetition, e standard normal and s the noise scale:
///   x_t = (1 - t) x_0 + t x_1,  x_0 = (1 - end) D + end s e,  x_1 = (1 - begin) B + begin s e,  velocity x_1 - x_0.
/// The one stage of a plain model begins at 1 and ends at 0, which is the plain flow.
struct Stage {
  ModelConfig model;               ///< the model at this resolution; below the highest its method is "full"
  double begin = 1, end = 0;       ///< shares of noise
  double carry = 0;                ///< what the pictures of the stage before are multiplied by; 0: there is none
  double low_time = 0, times = 1;  ///< the model is told `low_time + times t`: the stages share 0..1 by their lengths

  double model_time(double t) const { return low_time + times * t; }
};

/// The stages of a model, coarsest first; one of a plain model. Stage k of S (from 0) ends at noise u = 1 - (k + 1) /
/// S, and the next begins at 2 u / (1 + u), with `carry` 1 / (1 + u): see docs/diffusion.md.
std::vector<Stage> stages_of(const ModelConfig& config);

/// Means of 2 x 2 pixels of `planes` planes of `height` x `width`, both even.
void halve(std::int64_t planes, std::int64_t height, std::int64_t width, std::span<const float> from,
           std::span<float> to);
/// Every pixel 2 x 2 times; `height` and `width` are those of `from`.
void enlarge(std::int64_t planes, std::int64_t height, std::int64_t width, std::span<const float> from,
             std::span<float> to);

/// What a stage trains on: draws noise from `random` and writes x_t and the velocity. `picture` has the size of the
/// whole model, of which `stage` is one stage; the other spans have the stage's.
void stage_example(const ModelConfig& whole, const Stage& stage, double t, double noise_scale,
                   std::span<const float> picture, const RandomSequence& random, std::span<float> noise,
                   std::span<float> noisy, std::span<float> velocity);

/// From where the stage before ended, `ended`, to where `stage` begins: `carry * enlarged + begin s (z - m)`, z
/// standard normal from `random` and m its mean over each 2 x 2 pixels. Mean and covariance are those of x_1.
void begin_stage(const Stage& stage, double noise_scale, std::span<const float> ended, const RandomSequence& random,
                 std::span<float> x);

}  // namespace llsa::diffusion

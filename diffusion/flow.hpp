#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "diffusion/random.hpp"
#include "files/extent.hpp"

namespace llsa::diffusion {

/// How training times are drawn: uniform in (0, 1); the logistic function of a standard normal; or uniform, then
/// shifted.
enum class TimeSampling { uniform, logit_normal, shift };

/// Flow matching on the straight path (the paper's equation 7): `x_t = (1 - t) x + t s e`, velocity `s e - x`, with e
/// standard normal; t = 0 is the picture, t = 1 the noise.
struct FlowConfig {
  double noise_scale = 1;  ///< s > 0
  TimeSampling time = TimeSampling::uniform;
  double time_shift = 1;  ///< a >= 1 of `shift`: `t' = a t / (1 + (a - 1) t)`, also for the sampler's steps
};

/// What the paper uses for pictures of n x n pixels: n / 64 above 64, else 1. For others n is the square root of height
/// x width; frames do not count (the paper has no videos). The same number serves as time shift, which is the square
/// root of the ratio of token counts.
double resolution_ratio(const files::PictureExtent& extent);

std::string name_of(TimeSampling sampling);
/// Throws `Error` unless `name` is "uniform", "logit-normal" or "shift".
TimeSampling time_sampling_from(const std::string& name);
/// Throws `Error` naming the field that is out of range.
void validate(const FlowConfig& config);
nlohmann::json to_json(const FlowConfig& config);
FlowConfig flow_config_from(const nlohmann::json& json);

/// `a t / (1 + (a - 1) t)`.
double shifted_time(double t, double a);
/// The training time of picture number `index` of the sequence.
double draw_time(const FlowConfig& config, const RandomSequence& random, std::uint64_t index);
/// Writes the noisy picture and the velocity the model should predict. All spans have equal length.
template <class T>
void flow_point(double t, double noise_scale, std::span<const T> picture, std::span<const T> noise, std::span<T> noisy,
                std::span<T> velocity);
/// The mean of (prediction - target)^2, summed in ascending order in double. When `gradient` is not empty it receives
/// `2 (prediction - target) * weight / size`.
template <class T>
double squared_error(std::span<const T> prediction, std::span<const T> target, double weight, std::span<T> gradient);

}  // namespace llsa::diffusion

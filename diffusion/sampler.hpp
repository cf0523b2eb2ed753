#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "diffusion/dit.hpp"
#include "diffusion/flow.hpp"

namespace llsa::diffusion {

/// The times of `steps` Euler steps from noise to picture: `shifted_time(1 - k / steps)` for k = 0..steps, 1 first, 0
/// last.
std::vector<double> euler_times(int steps, double time_shift);

/// Velocity of x at time t, written to `velocity` (as long as x).
using VelocityField = std::function<void(double t, std::span<const float> x, std::span<float> velocity)>;
/// Called with the number of steps done (0 for the noise) and what is there then.
using StepObserver = std::function<void(int step, double t, std::span<const float> x)>;

/// Follows the field through `times` in place: `x += (times[k + 1] - times[k]) * velocity(times[k], x)`.
void euler(const VelocityField& field, std::span<const double> times, std::span<float> x,
           const StepObserver& observer = {});

struct SampleOptions {
  std::int64_t count = 16;
  int steps = 20;
  double guidance = 1;  ///< g of `v = v_none + g (v_label - v_none)`; 1 is plain conditional sampling
  std::uint64_t seed = 1;
  std::vector<std::int32_t> labels =
      {};  ///< one per picture; empty: 0, 1, 2, ... in turn (no labels when unconditional)
};

/// Throws `Error` naming the field that is out of range for the model.
void validate(const SampleOptions& options, const ModelConfig& config);
/// The label of every picture, `classes` for none.
std::vector<std::int32_t> sample_labels(const SampleOptions& options, const ModelConfig& config);

/// Pictures `[count, channels, size, size]`, roughly in -1..1. Picture i starts from noise that depends on the seed and
/// i alone. The observer sees the whole set when everything fits in one pass of the model's planned batch, else one
/// pass after the other; `first` is the number of the pass's first picture.
using SampleObserver = std::function<void(std::int64_t first, int step, std::span<const float> x)>;
AlignedVector<float> sample(Dit<float>& model, std::span<const float> weights, const FlowConfig& flow,
                            const SampleOptions& options, const SampleObserver& observer = {});

}  // namespace llsa::diffusion

#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "diffusion/flow.hpp"
#include "diffusion/solver.hpp"
#include "diffusion/staged_model.hpp"

namespace llsa::diffusion {

struct SampleOptions {
  std::int64_t first = 0;  ///< number of the first picture
  std::int64_t count = 16;
  int steps = 20;  ///< in every stage
  Solver solver = Solver::euler;
  double guidance = 1;  ///< g of `v = v_none + g (v_label - v_none)`; 1 is plain conditional sampling
  /// Times, as the model is told them, between which guidance acts, both included; outside the plain velocity is taken,
  /// which costs half.
  double guidance_low = 0, guidance_high = 1;
  std::uint64_t seed = 1;
  std::vector<std::int32_t> labels =
      {};  ///< one per picture; empty: every class in turn, by numbers (no labels when unconditional)
};

/// The shift of the sampler's times for a model that was trained so.
double sampling_shift(const FlowConfig& flow);
/// Throws `Error` naming the field that is out of range for the model.
void validate(const SampleOptions& options, const ModelConfig& config);
/// The label of every picture, `classes` for none.
std::vector<std::int32_t> sample_labels(const SampleOptions& options, const ModelConfig& config);

/// Pictures `[count, frames, channels, height, width]`, roughly in -1..1, numbered from `options.first`. Picture i
/// starts from noise that depends on the seed and i alone. The observer sees the whole set when everything fits in one
/// pass of the model's planned batch, else one pass after the other; `first` is the number of the pass's first picture.
/// Steps count through all stages, and pictures of lower stages are enlarged by repetition; after a stage's last step
/// the observer sees where it ended.
using SampleObserver = std::function<void(std::int64_t first, int step, std::span<const float> x)>;
AlignedVector<float> sample(const StagedModel& model, std::span<const float> weights, const FlowConfig& flow,
                            const SampleOptions& options, const SampleObserver& observer = {});

}  // namespace llsa::diffusion

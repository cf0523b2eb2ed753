#include "diffusion/sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "llsa/error.hpp"

namespace llsa::diffusion {

void validate(const SampleOptions& o, const ModelConfig& config) {
  if (o.count < 1 || o.count > 1'000'000) {
    throw Error(fmt::format("number of pictures is {}; it must be 1 to 1000000", o.count));
  }
  if (o.first < 0) throw Error(fmt::format("number of the first picture is {}; it must be 0 or more", o.first));
  if (o.steps < 1 || o.steps > 100'000)
    throw Error(fmt::format("sampling steps are {}; they must be 1 to 100000", o.steps));
  if (!std::isfinite(o.guidance)) throw Error(fmt::format("guidance is {}; it must be finite", o.guidance));
  if (o.guidance != 1 && config.classes == 0) {
    throw Error(fmt::format("guidance is {}, but this model has no labels; only 1 is possible", o.guidance));
  }
  if (!(0 <= o.guidance_low && o.guidance_low <= o.guidance_high && o.guidance_high <= 1)) {
    throw Error(fmt::format("guidance interval is {} to {}; it must be two times from 0 to 1, the lower first",
                            o.guidance_low, o.guidance_high));
  }
  if (!o.labels.empty() && std::int64_t(o.labels.size()) != o.count) {
    throw Error(fmt::format("{} labels for {} pictures; give one each", o.labels.size(), o.count));
  }
  for (const std::int32_t label : o.labels) {
    if (label < 0 || label > config.classes) {
      throw Error(fmt::format("label is {}; this model has 0 to {}, and {} for none", label, config.classes - 1,
                              config.classes));
    }
  }
}

std::vector<std::int32_t> sample_labels(const SampleOptions& options, const ModelConfig& config) {
  std::vector<std::int32_t> labels = options.labels;
  for (std::int64_t i = options.first; labels.size() < std::size_t(options.count); ++i) {
    labels.push_back(config.classes == 0 ? 0 : std::int32_t(i % config.classes));
  }
  return labels;
}

double sampling_shift(const FlowConfig& flow) { return flow.time == TimeSampling::shift ? flow.time_shift : 1; }

namespace {

/// Follows one stage from its beginning in `x` to its end, for pictures numbered from `first` within the options'.
void sample_stage(const StagedModel& model, std::size_t k, std::span<const float> weights, const FlowConfig& flow,
                  const SampleOptions& options, std::int64_t first, std::span<const std::int32_t> labels,
                  std::span<float> x, const SampleObserver& observer) {
  const Stage& stage = model.stage(k);
  Dit<float>& dit = model.model(k);
  const auto now = static_cast<std::int64_t>(labels.size());
  std::vector<float> time(labels.size(), 0.0f);
  const std::vector<std::int32_t> none(labels.size(), std::int32_t(stage.model.classes));
  AlignedVector<float> plain;
  const auto field = [&](double local, std::span<const float> at, std::span<float> velocity) {
    const double t = stage.model_time(local);
    std::fill(time.begin(), time.end(), float(t));
    dit.forward(weights, now, at.data(), time.data(), labels.data(), velocity.data());
    if (options.guidance == 1 || t < options.guidance_low || t > options.guidance_high) return;
    plain.resize(at.size());
    dit.forward(weights, now, at.data(), time.data(), none.data(), plain.data());
    const float g = float(options.guidance);
    for (std::size_t i = 0; i < plain.size(); ++i) velocity[i] = plain[i] + g * (velocity[i] - plain[i]);
  };
  StepObserver each_step;
  if (observer) {
    each_step = [&](int step, double, std::span<const float> at) {
      if (k > 0 && step == 0) return;  // seen as the end of the stage before
      const int done = int(k) * options.steps + step;
      if (k + 1 == model.size()) return observer(options.first + first, done, at);
      observer(options.first + first, done, model.at_full_size(k, at));
    };
  }
  solve(options.solver, field, sampling_times(options.steps, sampling_shift(flow)), x, each_step);
}

}  // namespace

AlignedVector<float> sample(const StagedModel& model, std::span<const float> weights, const FlowConfig& flow,
                            const SampleOptions& options, const SampleObserver& observer) {
  const ModelConfig& config = model.config();
  validate(options, config);
  const auto elements = std::size_t(config.image_elements());
  const std::vector<std::int32_t> labels = sample_labels(options, config);
  AlignedVector<float> pictures(std::size_t(options.count) * elements), ended, begun;

  for (std::int64_t first = 0; first < options.count; first += model.plan().batch) {
    const std::int64_t now = std::min(model.plan().batch, options.count - first);
    for (std::size_t k = 0; k < model.size(); ++k) {
      const Stage& stage = model.stage(k);
      const auto size = std::size_t(stage.model.image_elements()), size_before = size / 4;
      const bool is_last = k + 1 == model.size();
      if (!is_last) begun.resize(std::size_t(now) * size);
      const std::span<float> x =
          is_last ? std::span(pictures).subspan(std::size_t(first) * elements, std::size_t(now) * elements)
                  : std::span(begun);
      for (std::int64_t i = 0; i < now; ++i) {
        const auto number = std::uint64_t(options.first + first + i);
        const std::span<float> one = x.subspan(std::size_t(i) * size, size);
        if (k == 0)
          RandomSequence(options.seed, Purpose::sampling_noise, number).fill_normal(one, flow.noise_scale);
        else
          begin_stage(stage, flow.noise_scale, std::span(ended).subspan(std::size_t(i) * size_before, size_before),
                      RandomSequence(options.seed, Purpose::stage_noise, number * model.size() + k), one);
      }
      sample_stage(model, k, weights, flow, options, first,
                   std::span(labels).subspan(std::size_t(first), std::size_t(now)), x, observer);
      std::swap(ended, begun);
    }
  }
  return pictures;
}

}  // namespace llsa::diffusion

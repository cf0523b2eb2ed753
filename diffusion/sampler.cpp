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

AlignedVector<float> sample(Dit<float>& model, std::span<const float> weights, const FlowConfig& flow,
                            const SampleOptions& options, const SampleObserver& observer) {
  const ModelConfig& config = model.config();
  validate(options, config);
  const auto elements = std::size_t(config.image_elements());
  const std::vector<std::int32_t> labels = sample_labels(options, config);
  const std::vector<double> times = sampling_times(options.steps, sampling_shift(flow));
  AlignedVector<float> pictures(std::size_t(options.count) * elements), plain;

  for (std::int64_t first = 0; first < options.count; first += model.plan().batch) {
    const std::int64_t now = std::min(model.plan().batch, options.count - first);
    const std::span<float> x = std::span(pictures).subspan(std::size_t(first) * elements, std::size_t(now) * elements);
    for (std::int64_t i = 0; i < now; ++i) {
      RandomSequence(options.seed, Purpose::sampling_noise, std::uint64_t(options.first + first + i))
          .fill_normal(x.subspan(std::size_t(i) * elements, elements), flow.noise_scale);
    }
    std::vector<float> time(std::size_t(now), 0.0f);
    const std::vector<std::int32_t> none(std::size_t(now), std::int32_t(config.classes));
    const auto field = [&](double t, std::span<const float> at, std::span<float> velocity) {
      std::fill(time.begin(), time.end(), float(t));
      model.forward(weights, now, at.data(), time.data(), labels.data() + first, velocity.data());
      if (options.guidance == 1 || t < options.guidance_low || t > options.guidance_high) return;
      plain.resize(at.size());
      model.forward(weights, now, at.data(), time.data(), none.data(), plain.data());
      const float g = float(options.guidance);
      for (std::size_t i = 0; i < plain.size(); ++i) velocity[i] = plain[i] + g * (velocity[i] - plain[i]);
    };
    StepObserver each_step;
    if (observer)
      each_step = [&](int step, double, std::span<const float> at) { observer(options.first + first, step, at); };
    solve(options.solver, field, times, x, each_step);
  }
  return pictures;
}

}  // namespace llsa::diffusion

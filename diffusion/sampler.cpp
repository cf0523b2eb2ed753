#include "diffusion/sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "llsa/error.hpp"

namespace llsa::diffusion {

std::vector<double> euler_times(int steps, double time_shift) {
  std::vector<double> times;
  for (int k = 0; k <= steps; ++k) times.push_back(shifted_time(1 - double(k) / steps, time_shift));
  return times;
}

void euler(const VelocityField& field, std::span<const double> times, std::span<float> x,
           const StepObserver& observer) {
  AlignedVector<float> velocity(x.size());
  if (observer) observer(0, times.front(), x);
  for (std::size_t k = 0; k + 1 < times.size(); ++k) {
    field(times[k], x, velocity);
    const float step = float(times[k + 1] - times[k]);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += step * velocity[i];
    if (observer) observer(int(k) + 1, times[k + 1], x);
  }
}

void validate(const SampleOptions& o, const ModelConfig& config) {
  if (o.count < 1 || o.count > 1'000'000) {
    throw Error(fmt::format("number of pictures is {}; it must be 1 to 1000000", o.count));
  }
  if (o.steps < 1 || o.steps > 100'000)
    throw Error(fmt::format("sampling steps are {}; they must be 1 to 100000", o.steps));
  if (!std::isfinite(o.guidance)) throw Error(fmt::format("guidance is {}; it must be finite", o.guidance));
  if (o.guidance != 1 && config.classes == 0) {
    throw Error(fmt::format("guidance is {}, but this model has no labels; only 1 is possible", o.guidance));
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
  for (std::int64_t i = 0; labels.size() < std::size_t(options.count); ++i) {
    labels.push_back(config.classes == 0 ? 0 : std::int32_t(i % config.classes));
  }
  return labels;
}

AlignedVector<float> sample(Dit<float>& model, std::span<const float> weights, const FlowConfig& flow,
                            const SampleOptions& options, const SampleObserver& observer) {
  const ModelConfig& config = model.config();
  validate(options, config);
  const auto elements = std::size_t(config.image_elements());
  const std::vector<std::int32_t> labels = sample_labels(options, config);
  const bool shifted = flow.time == TimeSampling::shift;
  const std::vector<double> times = euler_times(options.steps, shifted ? flow.time_shift : 1);
  AlignedVector<float> pictures(std::size_t(options.count) * elements), plain;

  for (std::int64_t first = 0; first < options.count; first += model.plan().batch) {
    const std::int64_t now = std::min(model.plan().batch, options.count - first);
    const std::span<float> x = std::span(pictures).subspan(std::size_t(first) * elements, std::size_t(now) * elements);
    for (std::int64_t i = 0; i < now; ++i) {
      RandomSequence(options.seed, Purpose::sampling_noise, std::uint64_t(first + i))
          .fill_normal(x.subspan(std::size_t(i) * elements, elements), flow.noise_scale);
    }
    std::vector<float> time(std::size_t(now), 0.0f);
    const std::vector<std::int32_t> none(std::size_t(now), std::int32_t(config.classes));
    const auto field = [&](double t, std::span<const float> at, std::span<float> velocity) {
      std::fill(time.begin(), time.end(), float(t));
      model.forward(weights, now, at.data(), time.data(), labels.data() + first, velocity.data());
      if (options.guidance == 1) return;
      plain.resize(at.size());
      model.forward(weights, now, at.data(), time.data(), none.data(), plain.data());
      const float g = float(options.guidance);
      for (std::size_t i = 0; i < plain.size(); ++i) velocity[i] = plain[i] + g * (velocity[i] - plain[i]);
    };
    StepObserver each_step;
    if (observer) each_step = [&](int step, double, std::span<const float> at) { observer(first, step, at); };
    euler(field, times, x, each_step);
  }
  return pictures;
}

}  // namespace llsa::diffusion

#include "diffusion/flow.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "llsa/error.hpp"

namespace llsa::diffusion {

double resolution_ratio(const files::PictureExtent& extent) {
  return std::max(1.0, std::sqrt(double(extent.pixels_of_a_frame())) / 64);
}

std::string name_of(TimeSampling sampling) {
  switch (sampling) {
    case TimeSampling::uniform:
      return "uniform";
    case TimeSampling::logit_normal:
      return "logit-normal";
    case TimeSampling::shift:
      return "shift";
  }
  return "?";
}

TimeSampling time_sampling_from(const std::string& name) {
  for (TimeSampling each : {TimeSampling::uniform, TimeSampling::logit_normal, TimeSampling::shift}) {
    if (name == name_of(each)) return each;
  }
  throw Error(fmt::format("time sampling is '{}'; it must be uniform, logit-normal or shift", name));
}

void validate(const FlowConfig& config) {
  if (!(config.noise_scale > 0) || !std::isfinite(config.noise_scale)) {
    throw Error(fmt::format("noise scale is {}; it must be finite and above 0", config.noise_scale));
  }
  if (!(config.time_shift >= 1) || !std::isfinite(config.time_shift)) {
    throw Error(fmt::format("time shift is {}; it must be finite and at least 1", config.time_shift));
  }
}

nlohmann::json to_json(const FlowConfig& config) {
  return {{"noise_scale", config.noise_scale}, {"time", name_of(config.time)}, {"time_shift", config.time_shift}};
}

FlowConfig flow_config_from(const nlohmann::json& json) {
  FlowConfig config;
  try {
    json.at("noise_scale").get_to(config.noise_scale);
    config.time = time_sampling_from(json.at("time").get<std::string>());
    json.at("time_shift").get_to(config.time_shift);
  } catch (const nlohmann::json::exception& problem) {
    throw Error(fmt::format("flow configuration is not usable: {}", problem.what()));
  }
  validate(config);
  return config;
}

double shifted_time(double t, double a) { return a * t / (1 + (a - 1) * t); }

double draw_time(const FlowConfig& config, const RandomSequence& random, std::uint64_t index) {
  switch (config.time) {
    case TimeSampling::uniform:
      return random.uniform(index);
    case TimeSampling::logit_normal:
      return 1 / (1 + std::exp(-random.normal(index)));
    case TimeSampling::shift:
      return shifted_time(random.uniform(index), config.time_shift);
  }
  return 0;
}

template <class T>
void flow_point(double t, double noise_scale, std::span<const T> picture, std::span<const T> noise, std::span<T> noisy,
                std::span<T> velocity) {
  const T keep = T(1 - t), mix = T(t * noise_scale), scale = T(noise_scale);
  for (std::size_t i = 0; i < picture.size(); ++i) {
    noisy[i] = keep * picture[i] + mix * noise[i];
    velocity[i] = scale * noise[i] - picture[i];
  }
}

template <class T>
double squared_error(std::span<const T> prediction, std::span<const T> target, double weight, std::span<T> gradient) {
  double sum = 0;
  const double factor = 2 * weight / double(prediction.size());
  for (std::size_t i = 0; i < prediction.size(); ++i) {
    const double difference = double(prediction[i]) - double(target[i]);
    sum += difference * difference;
    if (!gradient.empty()) gradient[i] = T(factor * difference);
  }
  return sum / double(prediction.size());
}

#define LLSA_INSTANTIATE(T)                                                                                     \
  template void flow_point(double, double, std::span<const T>, std::span<const T>, std::span<T>, std::span<T>); \
  template double squared_error(std::span<const T>, std::span<const T>, double, std::span<T>)
LLSA_INSTANTIATE(float);
LLSA_INSTANTIATE(double);
#undef LLSA_INSTANTIATE

}  // namespace llsa::diffusion

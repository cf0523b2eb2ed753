#include "diffusion/learner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "diffusion/flow.hpp"
#include "diffusion/optimizer.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {

TrainState initial_state(const TrainConfig& config) {
  validate(config);
  const ParameterLayout layout(config.model);
  TrainState state;
  state.weights.assign(std::size_t(layout.size()), 0.0f);
  initialise<float>(layout, config.seed, state.weights);
  state.averages = state.weights;
  state.first_moments.assign(state.weights.size(), 0.0f);
  state.second_moments.assign(state.weights.size(), 0.0f);
  return state;
}

Learner::Learner(const TrainConfig& config, TrainState state, Layers<float>& layers, Attention<float>& attention,
                 ThreadPool& threads, Profile* profile)
    : config_((validate(config), config)),
      state_(std::move(state)),
      threads_(&threads),
      model_(config.model, {.batch = config.pass_size(), .training = true, .recompute = config.recompute}, layers,
             attention, profile),
      gradients_(state_.weights.size()) {
  const auto elements = std::size_t(config.pass_size() * config.model.image_elements());
  for (auto* each : {&noise_, &noisy_, &target_, &velocity_, &velocity_gradient_}) each->resize(elements);
}

StepResult Learner::step(std::span<const float> pictures, std::span<const std::int32_t> labels) {
  const std::int64_t pass = config_.pass_size();
  const auto elements = std::size_t(config_.model.image_elements());
  const auto step = static_cast<std::uint64_t>(state_.step);
  const RandomSequence time_random(config_.seed, Purpose::training_time, step);
  const RandomSequence drop_random(config_.seed, Purpose::label_dropout, step);
  std::vector<float> times(static_cast<std::size_t>(pass));
  std::vector<std::int32_t> kept(static_cast<std::size_t>(pass), 0);
  StepResult result;

  std::fill(gradients_.begin(), gradients_.end(), 0.0f);
  for (std::int64_t first = 0; first < config_.batch; first += pass) {
    threads_->parallel_for(pass, [&](std::int64_t i, int) {
      const auto number = static_cast<std::uint64_t>(first + i);
      const std::size_t at = std::size_t(i) * elements;
      const auto part = [&](auto& block) { return std::span(block).subspan(at, elements); };
      const double t = draw_time(config_.flow, time_random, number);
      times[std::size_t(i)] = float(t);
      if (config_.model.classes > 0) {
        const bool drop = drop_random.uniform(number) < config_.label_dropout;
        kept[std::size_t(i)] = drop ? std::int32_t(config_.model.classes) : labels[std::size_t(number)];
      }
      RandomSequence(config_.seed, Purpose::training_noise, step * std::uint64_t(config_.batch) + number)
          .fill_normal(part(noise_));
      flow_point<float>(t, config_.flow.noise_scale, pictures.subspan(std::size_t(number) * elements, elements),
                        part(noise_), part(noisy_), part(target_));
    });
    model_.forward(state_.weights, pass, noisy_.data(), times.data(), kept.data(), velocity_.data());
    const double share = double(pass) / double(config_.batch);
    const double loss = squared_error<float>(velocity_, target_, share, velocity_gradient_);
    result.loss += share * loss;
    std::fill(noise_.begin(), noise_.end(), 0.0f);
    result.baseline += share * squared_error<float>(noise_, target_, 1, {});
    model_.backward(state_.weights, pass, kept.data(), velocity_gradient_.data(), gradients_);
  }
  result.gradient_norm = euclidean_norm<float>(gradients_, *threads_);
  result.learning_rate =
      scheduled_rate(config_.learning_rate, state_.step, config_.warmup, config_.schedule == "cosine", config_.steps);
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm)) {
    throw Error(fmt::format("step {}: loss is {} and gradient norm {}; both must be finite", state_.step + 1,
                            result.loss, result.gradient_norm));
  }
  if (!(result.loss <= 10 * result.baseline)) {
    throw Error(fmt::format("step {}: the run has diverged: loss is {:.4g}, predicting zero gives {:.4g}",
                            state_.step + 1, result.loss, result.baseline));
  }
  const AdamConfig adam{.learning_rate = result.learning_rate,
                        .beta1 = config_.beta1,
                        .beta2 = config_.beta2,
                        .weight_decay = config_.weight_decay};
  adamw_step<float>(state_.weights, gradients_, state_.first_moments, state_.second_moments, state_.step + 1, adam,
                    clip_factor(result.gradient_norm, config_.clip), *threads_);
  update_average<float>(state_.averages, state_.weights, average_decay(config_.average_decay, state_.step), *threads_);
  ++state_.step;
  return result;
}

double Learner::validation_loss(std::span<const float> pictures, std::span<const std::int32_t> labels) {
  return diffusion::validation_loss(model_, state_.averages, config_.flow, config_.seed, pictures, labels, *threads_);
}

double validation_loss(Dit<float>& model, std::span<const float> weights, const FlowConfig& flow, std::uint64_t seed,
                       std::span<const float> pictures, std::span<const std::int32_t> labels, ThreadPool& threads) {
  const auto elements = std::size_t(model.config().image_elements());
  const std::int64_t count = static_cast<std::int64_t>(pictures.size() / elements), pass = model.plan().batch;
  AlignedVector<float> noise(std::size_t(pass) * elements), noisy(noise.size()), target(noise.size()),
      velocity(noise.size());
  std::vector<float> times(static_cast<std::size_t>(pass));
  const RandomSequence time_random(seed, Purpose::validation_time, 0);
  double sum = 0;
  for (std::int64_t first = 0; first < count; first += pass) {
    const std::int64_t now = std::min(pass, count - first);
    threads.parallel_for(now, [&](std::int64_t i, int) {
      const auto number = static_cast<std::uint64_t>(first + i);
      const std::size_t at = std::size_t(i) * elements;
      const auto part = [&](auto& block) { return std::span(block).subspan(at, elements); };
      const double t = (double(number) + time_random.uniform(number)) / double(count);
      times[std::size_t(i)] = float(t);
      RandomSequence(seed, Purpose::validation_noise, number).fill_normal(part(noise));
      flow_point<float>(t, flow.noise_scale, pictures.subspan(std::size_t(number) * elements, elements), part(noise),
                        part(noisy), part(target));
    });
    model.forward(weights, now, noisy.data(), times.data(), labels.empty() ? nullptr : labels.data() + first,
                  velocity.data());
    const std::size_t used = std::size_t(now) * elements;
    sum += double(now) * squared_error<float>(std::span(velocity).first(used), std::span(target).first(used), 1, {});
  }
  return sum / double(count);
}

}  // namespace llsa::diffusion

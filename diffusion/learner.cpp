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

namespace {

/// The most pictures that one pass has.
std::int64_t largest_pass(const TrainConfig& config) {
  const std::int64_t of_a_stage = (config.batch + config.model.stages - 1) / config.model.stages;
  return std::min(config.pass_size(), of_a_stage);
}

}  // namespace

Learner::Learner(const TrainConfig& config, TrainState state, Layers<float>& layers, Attention<float>& attention,
                 ThreadPool& threads, Profile* profile, const std::string& backend)
    : config_((validate(config), config)),
      state_(std::move(state)),
      threads_(&threads),
      model_(config.model, {.batch = largest_pass(config), .training = true, .recompute = config.recompute}, layers,
             attention, threads, backend, profile),
      gradients_(state_.weights.size()) {
  const auto elements = std::size_t(largest_pass(config) * config.model.image_elements());
  for (auto* each : {&noise_, &noisy_, &target_, &velocity_, &velocity_gradient_}) each->resize(elements);
}

std::int64_t Learner::tokens_a_step() const {
  std::int64_t tokens = 0;
  for (std::int64_t i = 0; i < config_.batch; ++i)
    tokens += model_.stage(std::size_t(i % config_.model.stages)).model.tokens();
  return tokens;
}

StepResult Learner::step(std::span<const float> pictures, std::span<const std::int32_t> labels) {
  const auto step = static_cast<std::uint64_t>(state_.step);
  StepResult result;
  std::fill(gradients_.begin(), gradients_.end(), 0.0f);
  for (std::size_t k = 0; k < model_.size(); ++k) train_stage(k, step, pictures, labels, result);
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

void Learner::train_stage(std::size_t k, std::uint64_t step, std::span<const float> pictures,
                          std::span<const std::int32_t> labels, StepResult& result) {
  const Stage& stage = model_.stage(k);
  Dit<float>& dit = model_.model(k);
  const std::int64_t stages = config_.model.stages, pass = model_.plan().batch;
  const std::int64_t count = (config_.batch - std::int64_t(k) + stages - 1) / stages;
  const auto whole = std::size_t(config_.model.image_elements()), elements = std::size_t(stage.model.image_elements());
  const RandomSequence time_random(config_.seed, Purpose::training_time, step);
  const RandomSequence drop_random(config_.seed, Purpose::label_dropout, step);
  std::vector<float> times(static_cast<std::size_t>(pass));
  std::vector<std::int32_t> kept(static_cast<std::size_t>(pass), 0);

  for (std::int64_t first = 0; first < count; first += pass) {
    const std::int64_t now = std::min(pass, count - first);
    threads_->parallel_for(now, [&](std::int64_t i, int) {
      const auto number = std::uint64_t((first + i) * stages) + k;
      const auto part = [&](auto& block) { return std::span(block).subspan(std::size_t(i) * elements, elements); };
      const double t = draw_time(config_.flow, time_random, number);
      times[std::size_t(i)] = float(stage.model_time(t));
      if (config_.model.classes > 0) {
        const bool drop = drop_random.uniform(number) < config_.label_dropout;
        kept[std::size_t(i)] = drop ? std::int32_t(config_.model.classes) : labels[std::size_t(number)];
      }
      const RandomSequence noise(config_.seed, Purpose::training_noise, step * std::uint64_t(config_.batch) + number);
      stage_example(config_.model, stage, t, config_.flow.noise_scale,
                    pictures.subspan(std::size_t(number) * whole, whole), noise, part(noise_), part(noisy_),
                    part(target_));
    });
    const auto used = [&](auto& block) { return std::span(block).first(std::size_t(now) * elements); };
    dit.forward(state_.weights, now, noisy_.data(), times.data(), kept.data(), velocity_.data());
    const double share = double(now) / double(config_.batch);
    const double loss = squared_error<float>(used(velocity_), used(target_), share, used(velocity_gradient_));
    result.loss += share * loss;
    std::fill(noise_.begin(), noise_.end(), 0.0f);
    result.baseline += share * squared_error<float>(used(noise_), used(target_), 1, {});
    dit.backward(state_.weights, now, kept.data(), velocity_gradient_.data(), gradients_);
  }
}

double Learner::validation_loss(std::span<const float> pictures, std::span<const std::int32_t> labels) {
  return diffusion::validation_loss(model_, state_.averages, config_.flow, config_.seed, pictures, labels, *threads_);
}

std::vector<double> validation_losses(const StagedModel& model, std::span<const float> weights, const FlowConfig& flow,
                                      std::uint64_t seed, std::span<const float> pictures,
                                      std::span<const std::int32_t> labels, ThreadPool& threads) {
  const auto whole = std::size_t(model.config().image_elements());
  const std::int64_t count = static_cast<std::int64_t>(pictures.size() / whole), pass = model.plan().batch;
  AlignedVector<float> noise(std::size_t(pass) * whole), noisy(noise.size()), target(noise.size()),
      velocity(noise.size());
  std::vector<float> times(static_cast<std::size_t>(pass));
  const RandomSequence time_random(seed, Purpose::validation_time, 0);
  std::vector<double> losses;
  for (std::size_t k = 0; k < model.size(); ++k) {
    const Stage& stage = model.stage(k);
    const auto elements = std::size_t(stage.model.image_elements());
    double sum = 0;
    for (std::int64_t first = 0; first < count; first += pass) {
      const std::int64_t now = std::min(pass, count - first);
      threads.parallel_for(now, [&](std::int64_t i, int) {
        const auto number = static_cast<std::uint64_t>(first + i);
        const auto part = [&](auto& block) { return std::span(block).subspan(std::size_t(i) * elements, elements); };
        const double t = (double(number) + time_random.uniform(number)) / double(count);
        times[std::size_t(i)] = float(stage.model_time(t));
        stage_example(model.config(), stage, t, flow.noise_scale, pictures.subspan(std::size_t(number) * whole, whole),
                      RandomSequence(seed, Purpose::validation_noise, number), part(noise), part(noisy), part(target));
      });
      model.model(k).forward(weights, now, noisy.data(), times.data(), labels.empty() ? nullptr : labels.data() + first,
                             velocity.data());
      const std::size_t used = std::size_t(now) * elements;
      sum += double(now) * squared_error<float>(std::span(velocity).first(used), std::span(target).first(used), 1, {});
    }
    losses.push_back(sum / double(count));
  }
  return losses;
}

double validation_loss(const StagedModel& model, std::span<const float> weights, const FlowConfig& flow,
                       std::uint64_t seed, std::span<const float> pictures, std::span<const std::int32_t> labels,
                       ThreadPool& threads) {
  double sum = 0;
  for (const double loss : validation_losses(model, weights, flow, seed, pictures, labels, threads)) sum += loss;
  return sum / double(model.size());
}

}  // namespace llsa::diffusion

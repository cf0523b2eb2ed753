#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "diffusion/checkpoint.hpp"
#include "diffusion/staged_model.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::diffusion {

/// The state of a run before its first step: initial weights from the seed, averages equal to them, moments zero.
TrainState initial_state(const TrainConfig& config);

/// What one step found.
struct StepResult {
  double loss = 0;           ///< mean squared error of the velocity, over the batch
  double baseline = 0;       ///< the loss of predicting zero for the same batch
  double gradient_norm = 0;  ///< before clipping
  double learning_rate = 0;
};

/// One model under training: its state, and the step that moves it.
class Learner {
 public:
  /// As `StagedModel`.
  Learner(const TrainConfig& config, TrainState state, Layers<float>& layers, Attention<float>& attention,
          ThreadPool& threads, Profile* profile = nullptr, const std::string& backend = "reference");

  const TrainState& state() const { return state_; }
  const StagedModel& model() const { return model_; }
  /// Of all stages together.
  std::int64_t tokens_a_step() const;

  /// Trains on `pictures` `[batch, frames, channels, height, width]` with `labels` `[batch]` (ignored when
  /// unconditional). Picture i belongs to stage i mod stages; stages come one after the other, coarsest first, in
  /// passes of at most the micro batch, whose gradients add up. Noise, times and dropped labels depend on the seed and
  /// `state().step` alone. The state changes only when loss and gradient are finite: throws `Error` otherwise, and when
  /// the loss exceeds ten times that of predicting zero.
  StepResult step(std::span<const float> pictures, std::span<const std::int32_t> labels);

  /// Mean loss of the averaged weights on `[count, frames, channels, height, width]` with noise and times fixed by the
  /// seed: picture i at a time drawn from the i-th of `count` equal parts of (0, 1). Of stages, the mean of all.
  double validation_loss(std::span<const float> pictures, std::span<const std::int32_t> labels);

 private:
  void train_stage(std::size_t k, std::uint64_t step, std::span<const float> pictures,
                   std::span<const std::int32_t> labels, StepResult& result);

  TrainConfig config_;
  TrainState state_;
  ThreadPool* threads_;
  StagedModel model_;
  AlignedVector<float> gradients_, noise_, noisy_, target_, velocity_, velocity_gradient_;
};

/// `Learner::validation_loss` for any model and weights, of every stage (all pictures at each, at local times); uses
/// passes of the model's planned batch.
std::vector<double> validation_losses(const StagedModel& model, std::span<const float> weights, const FlowConfig& flow,
                                      std::uint64_t seed, std::span<const float> pictures,
                                      std::span<const std::int32_t> labels, ThreadPool& threads);
/// Their mean.
double validation_loss(const StagedModel& model, std::span<const float> weights, const FlowConfig& flow,
                       std::uint64_t seed, std::span<const float> pictures, std::span<const std::int32_t> labels,
                       ThreadPool& threads);

}  // namespace llsa::diffusion

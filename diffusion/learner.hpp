#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "diffusion/checkpoint.hpp"
#include "diffusion/dit.hpp"
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
  /// `layers`, `attention` and `threads` must outlive it.
  Learner(const TrainConfig& config, TrainState state, Layers<float>& layers, Attention<float>& attention,
          ThreadPool& threads, Profile* profile = nullptr);

  const TrainState& state() const { return state_; }
  const Dit<float>& model() const { return model_; }

  /// Trains on `pictures` `[batch, frames, channels, height, width]` with `labels` `[batch]` (ignored when
  /// unconditional). Noise, times and dropped labels depend on the seed and `state().step` alone. The state changes
  /// only when loss and gradient are finite: throws `Error` otherwise, and when the loss exceeds ten times that of
  /// predicting zero.
  StepResult step(std::span<const float> pictures, std::span<const std::int32_t> labels);

  /// Mean loss of the averaged weights on `[count, frames, channels, height, width]` with noise and times fixed by the
  /// seed: picture i at a time drawn from the i-th of `count` equal parts of (0, 1).
  double validation_loss(std::span<const float> pictures, std::span<const std::int32_t> labels);

 private:
  TrainConfig config_;
  TrainState state_;
  ThreadPool* threads_;
  Dit<float> model_;
  AlignedVector<float> gradients_, noise_, noisy_, target_, velocity_, velocity_gradient_;
};

/// `Learner::validation_loss` for any model and weights; uses passes of the model's planned batch.
double validation_loss(Dit<float>& model, std::span<const float> weights, const FlowConfig& flow, std::uint64_t seed,
                       std::span<const float> pictures, std::span<const std::int32_t> labels, ThreadPool& threads);

}  // namespace llsa::diffusion

#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "diffusion/checkpoint.hpp"
#include "diffusion/data.hpp"

namespace llsa::diffusion {

/// How a run is kept and reported; none of it changes what is computed.
struct RunOptions {
  std::filesystem::path out;                       ///< receives checkpoints/, samples/, log.jsonl, loss.png
  std::optional<std::filesystem::path> init_from;  ///< take over weights of this checkpoint or model at step 0
  std::string backend = "reference";
  int threads = 0;                                                                               ///< 0: every core
  int keep = 3;                                                                                  ///< checkpoints kept
  std::int64_t checkpoint_every = 500, log_every = 1, validate_every = 500, sample_every = 500;  ///< steps; 0: never
  /// By the clock besides: a run that dies loses at most this many minutes, and there is something to look at soon, the
  /// first of it before the first step. 0: never. Samples wait longer where making them takes more than a tenth of the
  /// time.
  double checkpoint_minutes = 0, sample_minutes = 0;
  std::int64_t sample_count = 16;
  bool quiet = false;   ///< no progress line
  bool events = false;  ///< write tensorboard/, what the log and samples/ hold as TensorBoard's events
};

/// Throws `Error` naming the first field that is out of range.
void validate(const RunOptions& options);

/// Copies what fits from a model (usually of smaller pictures) into weights and averages.
TakenOver take_over(const Model& from, const ModelConfig& config, TrainState& state);

/// Trains until `config.steps`, or until `stop` returns true after a step; then saves and returns the state. Says first
/// what it takes: pictures, parameters, memory, and after three steps how long it will take. A fresh
/// run begins with a checkpoint of step 0, so that there is always one to resume from; `resumed` continues one. When a
/// step fails (see `Learner::step`) throws `Error` that names the newest checkpoint. `message` takes lines for the
/// user.
TrainState train(const TrainConfig& config, const RunOptions& options, const TrainingData& data,
                 std::optional<TrainState> resumed, const std::function<bool()>& stop, const Report& message);

}  // namespace llsa::diffusion

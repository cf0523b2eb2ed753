#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "diffusion/settings.hpp"

namespace llsa::compare::tables {

/// One training run and how its result is judged.
struct TrainingRun {
  diffusion::TrainConfig config = {};
  std::int64_t samples = 32, sampling_steps = 10;
  int directions = 128;           ///< of the sliced Wasserstein distance
  std::int64_t curve_points = 0;  ///< losses on the way, evenly spread over the steps
};

/// The validation loss of the averaged weights after so many steps.
struct CurvePoint {
  std::int64_t step = 0;
  double validation_loss = 0;
  friend bool operator==(const CurvePoint&, const CurvePoint&) = default;
};

/// What a finished run is worth. Functions of the run alone (on one machine with one build).
struct RunResult {
  double validation_loss = 0;          ///< of the averaged weights, on fixed noise and times
  double denoising_error = 0;          ///< on the same pictures (`denoising.hpp`): comparable whatever is learned
  double sliced_wasserstein = 0;       ///< of samples to as many validation pictures
  std::vector<CurvePoint> curve = {};  ///< ends with the last step; empty where no points were asked for
};

/// Where and on what runs are made.
struct RunPlace {
  std::filesystem::path folder = {};  ///< receives one folder a run, named by `run_name`
  std::string backend = "reference";
  int threads = 0;
  std::int64_t checkpoint_every = 50;  ///< steps between the checkpoints that a killed run continues from
};

/// Everything that decides the result, as JSON.
nlohmann::json settings_of(const TrainingRun& run);
/// Attention and a hash of `settings_of`: equal settings have equal names, other settings another name.
std::string run_name(const TrainingRun& run);

/// The result of a run that was finished before, if its folder holds one for exactly these settings.
bool is_finished(const TrainingRun& run, const RunPlace& place);

/// Trains, or continues what was interrupted, or reads the result of a finished run. `progress` is called before each
/// training step that is really done. Throws `Cancelled` when `stop` is requested, with a checkpoint saved; `Error`
/// when training fails or the folder cannot be written.
RunResult finish_run(const TrainingRun& run, const RunPlace& place, std::stop_token stop,
                     const std::function<void()>& progress);

}  // namespace llsa::compare::tables

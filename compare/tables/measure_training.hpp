#pragma once

#include <map>

#include "compare/tables/table.hpp"
#include "compare/tables/training_run.hpp"

namespace llsa::compare::tables {

/// A row of a table with everything that was measured for it.
struct MeasuredRow {
  TrainingRow row = {};
  double keys_per_query = 0;
  std::vector<RunResult> results = {};    ///< one a seed
  std::vector<double> step_seconds = {};  ///< of training steps, timed taking turns with all other rows
  double tokens_per_step = 0;
};
struct MeasuredTraining {
  TrainingTable table = {};
  std::vector<MeasuredRow> rows = {};
};

/// The runs of a row: one for each seed 1, 2, ...
TrainingRun run_of(const TrainingRow& row, const Scale& scale, std::int64_t seed);

/// Trains what is not finished yet, every distinct run once however many tables need it, then times training steps of
/// the distinct configurations in turns. `progress` takes done and all steps, and what is going on. Throws `Cancelled`
/// when stopped (what was done is kept), `Error` when a configuration does not fit.
using TrainingProgress = std::function<void(std::int64_t done, std::int64_t all, const std::string& what)>;
std::vector<MeasuredTraining> measure_training(const std::vector<TrainingTable>& tables, const Scale& scale,
                                               const RunPlace& place, std::stop_token stop,
                                               const TrainingProgress& progress);

}  // namespace llsa::compare::tables

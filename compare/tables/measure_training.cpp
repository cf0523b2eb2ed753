#include "compare/tables/measure_training.hpp"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "diffusion/data.hpp"
#include "diffusion/learner.hpp"
#include "diffusion/runner.hpp"
#include "llsa/error.hpp"

namespace llsa::compare::tables {
namespace {

/// Seconds of one training step, after one to warm up.
double time_step(const diffusion::TrainConfig& config, const diffusion::Batch& batch, const RunPlace& place,
                 std::stop_token stop) {
  ThreadPool threads(place.threads);
  threads.set_stop_token(stop);
  diffusion::EigenLayers<float> layers(threads);
  const auto attention = make_attention<float>(config.model.attention.method, place.backend, threads);
  diffusion::Learner learner(config, diffusion::initial_state(config), layers, *attention, threads);
  learner.step(batch.pictures, batch.labels);
  const auto begin = std::chrono::steady_clock::now();
  learner.step(batch.pictures, batch.labels);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// The runs of all tables by name, each once.
std::map<std::string, TrainingRun> distinct_runs(const std::vector<TrainingTable>& tables, const Scale& scale,
                                                 std::int64_t seeds) {
  std::map<std::string, TrainingRun> runs;
  for (const TrainingTable& table : tables)
    for (const TrainingRow& row : table.rows)
      for (std::int64_t seed = 1; seed <= seeds; ++seed) {
        const TrainingRun run = run_of(row, scale, seed);
        runs.emplace(run_name(run), run);
      }
  return runs;
}

}  // namespace

TrainingRun run_of(const TrainingRow& row, const Scale& scale, std::int64_t seed) {
  TrainingRun run{.config = row.config,
                  .samples = scale.samples,
                  .sampling_steps = scale.sampling_steps,
                  .curve_points = scale.curve_points};
  run.config.seed = static_cast<std::uint64_t>(seed);
  return run;
}

std::vector<MeasuredTraining> measure_training(const std::vector<TrainingTable>& tables, const Scale& scale,
                                               const RunPlace& place, std::stop_token stop,
                                               const TrainingProgress& progress) {
  for (const TrainingTable& table : tables)
    for (const TrainingRow& row : table.rows) diffusion::validate(row.config);
  const auto runs = distinct_runs(tables, scale, scale.seeds);
  const auto configurations = distinct_runs(tables, scale, 1);
  const std::int64_t timed = scale.repetitions * static_cast<std::int64_t>(configurations.size());
  const std::int64_t all = static_cast<std::int64_t>(runs.size()) * scale.steps + timed;
  std::int64_t done = 0, number = 0;

  std::map<std::string, RunResult> results;
  for (const auto& [name, run] : runs) {
    const std::string what = fmt::format("run {} of {}, {} seed {}", ++number, runs.size(),
                                         run.config.model.attention.method, run.config.seed);
    const std::int64_t before = done;
    results[name] = finish_run(run, place, stop, [&] { progress(++done, all, what); });
    done = before + scale.steps;
  }

  std::map<std::string, std::vector<double>> seconds;
  for (int repetition = 0; repetition < scale.repetitions; ++repetition)
    for (const auto& [name, run] : configurations) {
      if (stop.stop_requested()) throw Cancelled();
      progress(++done, all, fmt::format("timing training steps, round {} of {}", repetition + 1, scale.repetitions));
      const diffusion::TrainingData data(run.config.data, run.config.validation_pictures);
      const diffusion::Batch batch = diffusion::BatchLoader(data, run.config, 0, {}).next();
      seconds[name].push_back(time_step(run.config, batch, place, stop));
    }

  std::vector<MeasuredTraining> measured;
  for (const TrainingTable& table : tables) {
    MeasuredTraining& part = measured.emplace_back(MeasuredTraining{.table = table});
    for (const TrainingRow& row : table.rows) {
      MeasuredRow& made = part.rows.emplace_back();
      made.row = row;
      made.keys_per_query = keys_per_query(row.config);
      made.tokens_per_step = static_cast<double>(row.config.batch * row.config.model.tokens());
      for (std::int64_t seed = 1; seed <= scale.seeds; ++seed)
        made.results.push_back(results.at(run_name(run_of(row, scale, seed))));
      made.step_seconds = seconds.at(run_name(run_of(row, scale, 1)));
    }
  }
  return measured;
}

}  // namespace llsa::compare::tables

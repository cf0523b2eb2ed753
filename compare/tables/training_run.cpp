#include "compare/tables/training_run.hpp"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "compare/tables/denoising.hpp"
#include "diffusion/learner.hpp"
#include "diffusion/metrics.hpp"
#include "diffusion/run_log.hpp"
#include "diffusion/runner.hpp"
#include "diffusion/sampler.hpp"
#include "diffusion/trainer.hpp"
#include "files/atomic_file.hpp"
#include "files/folder_lock.hpp"
#include "llsa/error.hpp"

namespace llsa::compare::tables {
namespace {

using Json = nlohmann::json;

constexpr const char* result_file = "result.json";
/// Changes when the meaning of a result does, so that older ones are not taken for it.
constexpr int result_version = 1;

/// FNV-1a.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

Json json_of(const std::vector<CurvePoint>& curve) {
  Json points = Json::array();
  for (const CurvePoint& point : curve) points.push_back({point.step, point.validation_loss});
  return points;
}

std::vector<CurvePoint> curve_from(const Json& points) {
  std::vector<CurvePoint> curve;
  for (const Json& point : points) curve.push_back({point.at(0).get<std::int64_t>(), point.at(1).get<double>()});
  return curve;
}

/// What the run's log says of the way.
std::vector<CurvePoint> logged_curve(const std::filesystem::path& log) {
  std::vector<CurvePoint> curve;
  for (const diffusion::LogEntry& entry : diffusion::read_log(log))
    if (entry.validation_loss) curve.push_back({entry.step, *entry.validation_loss});
  return curve;
}

std::optional<RunResult> stored_result(const TrainingRun& run, const std::filesystem::path& folder) {
  const Json json = Json::parse(std::ifstream(folder / result_file), nullptr, false);
  if (!json.is_object() || !json.contains("settings") || json["settings"] != settings_of(run)) return std::nullopt;
  try {
    return RunResult{.validation_loss = json.at("validation_loss").get<double>(),
                     .denoising_error = json.at("denoising_error").get<double>(),
                     .sliced_wasserstein = json.at("sliced_wasserstein").get<double>(),
                     .curve = curve_from(json.value("curve", Json::array()))};
  } catch (const Json::exception&) {
    return std::nullopt;  // damaged: judged again from the last checkpoint
  }
}

RunResult judge(const TrainingRun& run, const diffusion::TrainState& state, const diffusion::TrainingData& data,
                const RunPlace& place, std::stop_token stop) {
  const diffusion::TrainConfig& config = run.config;
  diffusion::Runner runner(config.model, {.batch = std::min<std::int64_t>(8, run.samples)}, place.backend,
                           place.threads);
  runner.threads.set_stop_token(stop);
  const std::int64_t pictures = std::max(run.samples, config.validation_pictures);
  const diffusion::Batch real = data.validation(config.model, pictures, {});
  const auto first = [&](std::int64_t count) { return static_cast<std::size_t>(std::min(count, real.count())); };
  const std::size_t validated = first(config.validation_pictures), sampled = first(run.samples);
  const auto elements = static_cast<std::size_t>(config.model.image_elements());
  const std::span all(real.pictures);

  RunResult result;
  result.validation_loss = diffusion::validation_loss(runner.model, state.averages, config.flow, config.seed,
                                                      all.first(validated * elements),
                                                      std::span(real.labels).first(validated), runner.threads);
  result.denoising_error = denoising_error(runner, state.averages, config.flow, config.seed,
                                           all.first(validated * elements), std::span(real.labels).first(validated));
  diffusion::SampleOptions sampling{
      .count = static_cast<std::int64_t>(sampled), .steps = static_cast<int>(run.sampling_steps), .seed = config.seed};
  if (config.model.classes > 0)
    sampling.labels.assign(real.labels.begin(), real.labels.begin() + std::ptrdiff_t(sampled));
  const auto samples = diffusion::sample(runner.model, state.averages, config.flow, sampling);
  result.sliced_wasserstein =
      diffusion::sliced_wasserstein(samples, all.first(sampled * elements), config.model.image_elements(),
                                    run.directions, config.seed, runner.threads);
  return result;
}

}  // namespace

Json settings_of(const TrainingRun& run) {
  Json json = {{"train", to_json(run.config)},
               {"samples", run.samples},
               {"sampling_steps", run.sampling_steps},
               {"directions", run.directions},
               {"version", result_version}};
  if (run.curve_points > 0) json["curve_points"] = run.curve_points;
  return json;
}

std::string run_name(const TrainingRun& run) {
  std::string name = run.config.model.attention.method;
  for (char& c : name)
    if (c == '+') c = '-';
  return fmt::format("{}-{:016x}", name, hash_of(settings_of(run).dump()));
}

bool is_finished(const TrainingRun& run, const RunPlace& place) {
  return stored_result(run, place.folder / run_name(run)).has_value();
}

RunResult finish_run(const TrainingRun& run, const RunPlace& place, std::stop_token stop,
                     const std::function<void()>& progress) {
  const std::filesystem::path folder = place.folder / run_name(run);
  if (const auto stored = stored_result(run, folder)) return *stored;
  const files::FolderLock lock(folder, "a training run");
  const diffusion::TrainConfig& config = run.config;
  const diffusion::CheckpointFolder checkpoints(folder / "checkpoints");
  std::vector<std::string> skipped;
  std::optional<diffusion::TrainState> resumed;
  if (auto checkpoint = checkpoints.newest(skipped)) {
    if (to_json(checkpoint->config) != to_json(config))
      throw Error(fmt::format("{}: holds a run with other settings; remove the folder or choose another --output",
                              folder.string()));
    resumed = std::move(checkpoint->state);
  }
  const diffusion::TrainingData data(config.data, config.validation_pictures);
  const diffusion::RunOptions options{.out = folder,
                                      .backend = place.backend,
                                      .threads = place.threads,
                                      .keep = 1,
                                      .checkpoint_every = place.checkpoint_every,
                                      .log_every = run.curve_points > 0 ? 0 : 1,  // only what the curve needs
                                      .validate_every = run.curve_points > 0 ? config.steps / run.curve_points : 0,
                                      .sample_every = 0,
                                      .sample_count = 1,
                                      .quiet = true};
  const diffusion::TrainState state = diffusion::train(
      config, options, data, std::move(resumed),
      [&] {
        if (stop.stop_requested()) return true;
        progress();
        return false;
      },
      [](const std::string&) {});
  if (state.step < config.steps) throw Cancelled();
  RunResult result = judge(run, state, data, place, stop);
  if (run.curve_points > 0) result.curve = logged_curve(folder / "log.jsonl");
  Json json = {{"settings", settings_of(run)},
               {"validation_loss", result.validation_loss},
               {"denoising_error", result.denoising_error},
               {"sliced_wasserstein", result.sliced_wasserstein}};
  if (run.curve_points > 0) json["curve"] = json_of(result.curve);
  files::write_file_atomically(folder / result_file, json.dump(2) + "\n");
  return result;
}

}  // namespace llsa::compare::tables

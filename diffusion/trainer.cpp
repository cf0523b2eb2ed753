#include "diffusion/trainer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "backends/backends.hpp"
#include "diffusion/event_file.hpp"
#include "diffusion/layers/eigen_layers.hpp"
#include "diffusion/learner.hpp"
#include "diffusion/pictures.hpp"
#include "diffusion/run_log.hpp"
#include "diffusion/sampler.hpp"
#include "files/atomic_file.hpp"
#include "files/make_folder.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace fs = std::filesystem;
namespace {

using Clock = std::chrono::steady_clock;

bool due(std::int64_t step, std::int64_t every) { return every > 0 && step % every == 0; }

/// What is due so many minutes after it was last done.
class Alarm {
 public:
  explicit Alarm(double minutes) : seconds_(60 * minutes) {}
  bool rings() const { return seconds_ > 0 && seconds_since(done_) >= wait_; }
  /// `took` seconds; ten times as long must pass at least, so that not more than a tenth of the time goes there.
  void done(double took = 0) {
    wait_ = std::max(seconds_, 10 * took);
    done_ = Clock::now();
  }

  static double seconds_since(Clock::time_point then) {
    return std::chrono::duration<double>(Clock::now() - then).count();
  }

 private:
  double seconds_, wait_ = seconds_;
  Clock::time_point done_ = Clock::now();
};

std::string duration_text(double seconds) {
  const auto minutes = static_cast<std::int64_t>(seconds / 60);
  return minutes < 1 ? "less than a minute" : fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
}

/// One line that overwrites itself on a terminal, and a line every ten seconds elsewhere.
class StepLine {
 public:
  StepLine(bool quiet, std::int64_t total) : quiet_(quiet), terminal_(isatty(STDERR_FILENO)), total_(total) {}

  void show(const LogEntry& entry) {
    rate_ = rate_ == 0 ? entry.seconds : 0.95 * rate_ + 0.05 * entry.seconds;
    mean_loss_ = mean_loss_ == 0 ? entry.loss : 0.95 * mean_loss_ + 0.05 * entry.loss;
    const auto now = Clock::now();
    const bool last = entry.step == total_;
    if (quiet_ || (!last && now - shown_ < std::chrono::milliseconds(terminal_ ? 200 : 10'000))) return;
    shown_ = now;
    const auto left = static_cast<std::int64_t>(rate_ * double(total_ - entry.step));
    fmt::print(stderr, "{}step {}/{}  loss {:.4f}  {:.0f} tokens/s  {}:{:02}:{:02} left{}", terminal_ ? "\r" : "",
               entry.step, total_, mean_loss_, entry.tokens_per_second, left / 3600, left / 60 % 60, left % 60,
               terminal_ && !last ? "\033[K" : "\n");
  }

 private:
  bool quiet_, terminal_;
  std::int64_t total_;
  double rate_ = 0, mean_loss_ = 0;
  Clock::time_point shown_{};
};

/// One column for each class, where that makes a grid.
std::int64_t sample_columns(const TrainConfig& config, const RunOptions& options) {
  const std::int64_t classes = config.model.classes;
  return classes > 1 && classes <= options.sample_count ? classes : grid_columns(options.sample_count);
}

/// Returns the grid of the first frames.
files::Image save_samples(const fs::path& folder, const TrainConfig& config, const RunOptions& options,
                          const TrainState& state, const StagedModel& model) {
  files::make_folder(folder);
  const AlignedVector<float> pictures =
      sample(model, state.averages, config.flow, {.count = options.sample_count, .seed = config.seed});
  const files::PictureExtent& extent = config.model.extent;
  const std::int64_t columns = sample_columns(config, options);
  std::vector<files::Image> frames = grid_frames(pictures, config.model.channels, extent, columns, grid_zoom(extent));
  write_frames(folder / fmt::format("step-{:08d}.png", state.step), frames);
  return std::move(frames.front());
}

}  // namespace

void validate(const RunOptions& o) {
  const auto at_least = [](const char* field, std::int64_t value, std::int64_t low) {
    if (value < low) throw Error(fmt::format("{} is {}; it must be at least {}", field, value, low));
  };
  if (o.out.empty()) throw Error("the run has no folder; give --output");
  at_least("number of checkpoints kept", o.keep, 1);
  at_least("checkpoint interval", o.checkpoint_every, 0);
  at_least("log interval", o.log_every, 0);
  at_least("validation interval", o.validate_every, 0);
  at_least("sample interval", o.sample_every, 0);
  for (const auto& [field, minutes] : {std::pair("checkpoint interval in minutes", o.checkpoint_minutes),
                                       {"sample interval in minutes", o.sample_minutes}})
    if (!(minutes >= 0 && std::isfinite(minutes)))
      throw Error(fmt::format("{} is {}; it must be at least 0", field, minutes));
  at_least("number of samples", o.sample_count, 1);
  if (o.sample_count > 1'000'000)
    throw Error(fmt::format("number of samples is {}; it must be at most 1000000", o.sample_count));
}

TakenOver take_over(const Model& from, const ModelConfig& config, TrainState& state) {
  TakenOver result = take_over(from, config, state.weights);
  state.averages = state.weights;
  return result;
}

TrainState train(const TrainConfig& config, const RunOptions& options, const TrainingData& data,
                 std::optional<TrainState> resumed, const std::function<bool()>& stop, const Report& message) {
  validate(config);
  validate(options);
  grid_extent(options.sample_count, config.model.extent, sample_columns(config, options),
              grid_zoom(config.model.extent));
  const CheckpointFolder checkpoints(options.out / "checkpoints");
  ThreadPool threads(options.threads);
  EigenLayers<float> layers(threads);
  const auto attention = make_attention<float>(config.model.attention.method, options.backend, threads);
  const bool fresh = !resumed.has_value();
  TrainState state = fresh ? initial_state(config) : std::move(*resumed);
  if (fresh && options.init_from) {
    const TakenOver taken = take_over(load_model(*options.init_from), config.model, state);
    message(fmt::format("{}: took over {} of {} parameters", options.init_from->string(), taken.parameters,
                        taken.parameters + std::int64_t(taken.left_out.size())));
    for (const std::string& line : taken.left_out) message("not taken over: " + line);
  }
  const std::int64_t first_step = state.step;
  std::int64_t saved_step = first_step;
  std::uint64_t position = state.data_position;
  // Memory is asked for before pictures are read, and everything is checked before anything is written.
  Learner learner(config, std::move(state), layers, *attention, threads, nullptr, options.backend);
  const StagedModel sampling_model(config.model, {.batch = std::min<std::int64_t>(options.sample_count, 16)}, layers,
                                   *attention, threads, options.backend);
  const Batch held_out = data.validation(config.model, config.validation_pictures, message);
  BatchLoader loader(data, config, position, message);
  for (const fs::path& folder : {options.out, options.out / "samples", options.out / "checkpoints"})
    files::remove_unfinished_files(folder);
  if (fresh) checkpoints.save(config, learner.state(), options.keep);
  RunLog log(options.out / "log.jsonl", first_step);
  std::optional<EventFile> events;
  if (options.events) events.emplace(options.out / "tensorboard", first_step + 1);
  message(fmt::format("{} pictures to train on, {} of {} to validate on", data.training_size(), held_out.count(),
                      data.validation_size()));
  if (!fresh) message(fmt::format("resuming at step {} of {}", first_step, config.steps));
  message(fmt::format(
      "{} parameters, {} tokens of {} pictures a step, {} classes, attention {}; activations take {:.0f} MiB",
      learner.model().highest().layout().count(), learner.tokens_a_step(), config.batch, config.model.classes,
      config.model.attention.method, double(learner.model().arena_bytes()) / (1 << 20)));
  StepLine progress(options.quiet, config.steps);
  const auto snapshot = [&] {
    TrainState now = learner.state();
    now.data_position = position;
    return now;
  };
  Alarm save_alarm(options.checkpoint_minutes), sample_alarm(options.sample_minutes);
  const auto save = [&] {
    checkpoints.save(config, snapshot(), options.keep);
    saved_step = learner.state().step;
    plot_losses(options.out / "loss.png", log.entries());
    save_alarm.done();
  };
  const auto draw = [&] {
    const auto begin = Clock::now();
    const files::Image grid = save_samples(options.out / "samples", config, options, learner.state(), sampling_model);
    if (events) events->append(learner.state().step, "samples", grid);
    sample_alarm.done(Alarm::seconds_since(begin));
  };
  if (fresh && options.sample_minutes > 0 && !stop()) draw();

  while (learner.state().step < config.steps && !stop()) {
    const auto begin = Clock::now();
    const Batch batch = loader.next();
    StepResult result;
    try {
      result = learner.step(batch.pictures, batch.labels);
    } catch (const Error& problem) {
      throw Error(
          fmt::format("{}; the last good checkpoint is {}", problem.what(), checkpoints.path_of(saved_step).string()));
    }
    position = loader.position();
    const std::int64_t step = learner.state().step;
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    LogEntry entry{.step = step,
                   .loss = result.loss,
                   .gradient_norm = result.gradient_norm,
                   .learning_rate = result.learning_rate,
                   .seconds = seconds,
                   .tokens_per_second = double(learner.tokens_a_step()) / seconds,
                   .validation_loss = {}};
    const bool last = step == config.steps;
    if (due(step, options.validate_every) || last) {
      entry.validation_loss = learner.validation_loss(held_out.pictures, held_out.labels);
    }
    if (due(step, options.log_every) || entry.validation_loss) {
      log.append(entry);
      if (events) events->append(entry);
    }
    progress.show(entry);
    if (step == first_step + 3 && !last) {
      message(fmt::format("{} steps take about {} here", config.steps - step,
                          duration_text(seconds * double(config.steps - step))));
    }
    if (due(step, options.sample_every) || sample_alarm.rings() || last) draw();
    if ((due(step, options.checkpoint_every) || save_alarm.rings()) && !last) save();
  }
  if (learner.state().step != saved_step) save();
  return snapshot();
}

}  // namespace llsa::diffusion

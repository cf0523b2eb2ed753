#include <fmt/format.h>

#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "diffusion/command.hpp"
#include "diffusion/learner.hpp"
#include "diffusion/overrides.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

struct ProfileCommand {
  std::string preset = "tiny";
  std::int64_t batch = 1;
  int repeats = 3;
  bool recompute = false;
  Overrides settings;
  ComputeOptions compute;

  void execute(const CommandContext& context) const;
};

/// Operations per second of Eigen's product `[rows, in] * [out, in]^T` on one thread, the best of some runs.
double eigen_rate(std::int64_t rows, std::int64_t in, std::int64_t out) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Matrix x = Matrix::Random(rows, in), w = Matrix::Random(out, in);
  Matrix y(rows, out);
  double best = 1e30;
  for (int run = 0; run < 5; ++run) {
    const auto begin = Clock::now();
    y.noalias() = x * w.transpose();
    best = std::min(best, seconds_since(begin));
  }
  return 2.0 * double(rows) * double(in) * double(out) / best;
}

/// Whole training steps on pictures of noise, and where their time goes.
void ProfileCommand::execute(const CommandContext& context) const {
  if (repeats < 1 || repeats > 1000) throw Error(fmt::format("repeats are {}; they must be 1 to 1000", repeats));
  TrainConfig config{.batch = batch, .recompute = recompute};
  config.model = diffusion::preset(preset);
  nlohmann::json json = to_json(config);
  settings.apply(json);
  config = train_config_from(json);

  Profile profile;
  ThreadPool threads(compute.threads);
  threads.set_stop_token(context.stop);
  EigenLayers<float> layers(threads, &profile);
  const auto attention = make_attention<float>(config.model.attention.method, compute.backend, threads);
  Learner learner(config, initial_state(config), layers, *attention, threads, &profile);
  AlignedVector<float> pictures(std::size_t(batch * config.model.image_elements()));
  RandomSequence(1, Purpose::validation_noise, 1).fill_normal(std::span(pictures), 0.5);
  const std::vector<std::int32_t> labels(std::size_t(batch), 0);

  learner.step(pictures, labels);  // touches all memory once
  profile.clear();
  std::vector<double> times;
  for (int run = 0; run < repeats; ++run) {
    const auto begin = Clock::now();
    learner.step(pictures, labels);
    times.push_back(seconds_since(begin));
  }
  std::sort(times.begin(), times.end());
  const double median = times[times.size() / 2], total = [&] {
    double sum = 0;
    for (double t : times) sum += t;
    return sum;
  }();
  const std::int64_t tokens = batch * config.model.tokens();
  fmt::print("{} attention, {}, batch {}, {} threads, {} parameters\n", config.model.attention.method,
             files::describe(config.model.extent), batch, threads.threads(), ParameterLayout(config.model).count());
  fmt::print(
      "training step: median {:.1f} ms (fastest {:.1f}, slowest {:.1f}), {:.0f} tokens/s, activations {:.1f} MiB "
      "({:.0f} bytes a token)\n",
      1e3 * median, 1e3 * times.front(), 1e3 * times.back(), double(tokens) / median,
      double(learner.model().arena_bytes()) / 1048576, double(learner.model().arena_bytes()) / double(tokens));

  double accounted = 0, product_seconds = 0, product_flops = 0;
  for (const auto& [name, entry] : profile.entries()) {
    accounted += entry.seconds;
    if (entry.flops > 0) product_seconds += entry.seconds, product_flops += entry.flops;
    fmt::print("  {:<26}{:>9.1f} ms a step {:>6.1f} %", name, 1e3 * entry.seconds / repeats,
               100 * entry.seconds / total);
    if (entry.flops > 0) fmt::print("{:>9.1f} GFLOP/s", 1e-9 * entry.flops / entry.seconds);
    fmt::print("\n");
  }
  fmt::print("  {:<26}{:>9.1f} ms a step {:>6.1f} %\n", "everything else", 1e3 * (total - accounted) / repeats,
             100 * (total - accounted) / total);
  const std::int64_t width = config.model.hidden, mlp = config.model.mlp_ratio * width;
  fmt::print("all products together {:.1f} GFLOP/s; Eigen alone on one thread:",
             1e-9 * product_flops / product_seconds);
  for (const auto& [in, out] : {std::pair{width, 3 * width}, {width, width}, {width, mlp}, {mlp, width}}) {
    fmt::print("  {} -> {}: {:.1f}", in, out, 1e-9 * eigen_rate(std::min<std::int64_t>(tokens, 4096), in, out));
  }
  fmt::print("\n");
}

}  // namespace

void add_profile_command(CLI::App& program, CommandContext& context) {
  CLI::App* app = program.add_subcommand("profile", "time training steps and say where the time goes");
  const auto c = std::make_shared<ProfileCommand>();
  app->add_option("--preset", c->preset, "tiny, S or B")->capture_default_str();
  add_extent_options(*app, c->settings);
  c->settings.add<std::int64_t>(*app, "--patch-size", "/model/patch_size", "pixels along a side of a token");
  c->settings.add<std::int64_t>(*app, "--hidden", "/model/hidden", "width of the residual stream");
  c->settings.add<std::int64_t>(*app, "--layers", "/model/layers", "transformer blocks");
  c->settings.add<std::int64_t>(*app, "--heads", "/model/heads", "attention heads");
  c->settings.add<std::string>(*app, "--order", "/model/order", "token order");
  program::add_number(*app, "--batch", c->batch, "pictures a step");
  program::add_number(*app, "--repeats", c->repeats, "steps that are timed");
  app->add_flag("--recompute", c->recompute, "gradient checkpointing");
  add_attention_options(*app, c->settings, "/model/attention");
  c->compute.add(*app);
  app->callback([c, &context] { c->execute(context); });
}

}  // namespace llsa::diffusion

// llsa-compare table: the paper's tables and figures at a scale that two cores can run.
#include "compare/command.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>

#include "compare/tables/make_tables.hpp"
#include "diffusion/data.hpp"
#include "llsa/error.hpp"
#include "program/command_files.hpp"
#include "program/progress.hpp"

namespace llsa::compare::tables {
namespace {

struct TableArguments {
  std::string name, scale = "small";
  tables::TablesRequest request;
  /// Options given on the command line, laid over the named scale.
  std::vector<std::function<void(tables::Scale&)>> changes;
};

/// "12%, 0:41:10 left: what".
class TrainingBar {
 public:
  void show(std::int64_t done, std::int64_t all, const std::string& what) {
    if (all == 0) return progress_.step(what);
    // Steps of finished runs are passed over in no time and say nothing about the speed.
    if (done > last_ + 1) skipped_ += done - last_ - 1;
    last_ = done;
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    const auto left = static_cast<std::int64_t>(seconds * static_cast<double>(all - done) /
                                                static_cast<double>(std::max<std::int64_t>(done - skipped_, 1)));
    progress_.step(
        fmt::format("{:3}%, {}:{:02}:{:02} left: {}", 100 * done / all, left / 3600, left / 60 % 60, left % 60, what));
  }

 private:
  program::Progress progress_{"llsa-compare table"};
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::int64_t last_ = 0, skipped_ = 0;
};

void run(TableArguments& a, CommandContext& context) {
  a.request.names = tables::requested_tables(a.name);
  a.request.scale = tables::scale_from(a.scale);
  for (const auto& change : a.changes) change(a.request.scale);
  if (a.request.checkpoint_every < 1)
    throw Error(fmt::format("checkpoint interval is {}; it must be at least 1", a.request.checkpoint_every));
  program::CommandFiles paths;
  paths.reads("--data", diffusion::folder_of_pictures(a.request.scale.data));
  paths.writes_into("--output", a.request.out, [](std::string_view) { return true; });
  paths.check();
  TrainingBar bar;
  try {
    tables::make_tables(
        a.request, context.stop,
        [&](std::int64_t done, std::int64_t all, const std::string& what) { bar.show(done, all, what); },
        [](const std::string& text) {
          fmt::print("{}\n", text);
          std::fflush(stdout);
        });
  } catch (const Cancelled&) {
    program::say("llsa-compare",
                 fmt::format("interrupted; what was trained is kept in {} and the same command continues it",
                             a.request.out.string()));
    context.exit_code = exit_interrupted;
  }
}

}  // namespace

void add_command(CLI::App& program, CommandContext& context) {
  const auto a = std::make_shared<TableArguments>();
  CLI::App& command = *program.add_subcommand("table", "Make a table or figure of the paper again, scaled down");
  command.add_option("name", a->name, fmt::format("{}, or all", fmt::join(tables::table_names(), ", ")))->required();
  command.add_option("--output", a->request.out, "folder for results and training runs")->capture_default_str();
  command.add_option("--sizes", a->scale, fmt::format("sizes: {}", fmt::join(tables::scale_names(), " or ")))
      ->capture_default_str();
  const auto change = [&]<class Value>(const char* name, Value tables::Scale::*field, const char* description) {
    command.add_option_function<Value>(
        name, [a, field](const Value& value) { a->changes.push_back([=](tables::Scale& s) { s.*field = value; }); },
        description);
  };
  using tables::Scale;
  change("--steps", &Scale::steps, "training steps of each run");
  change("--seeds", &Scale::seeds, "runs of each configuration");
  change("--curve-points", &Scale::curve_points, "validation losses on the way, drawn against steps and time");
  change("--batch", &Scale::batch, "pictures a step");
  change("--image-size", &Scale::image_size, "pixels along a side");
  change("--data", &Scale::data, "a folder of pictures, shapes:SEED or landscape:SEED");
  change("--block-size", &Scale::block_size, "B of the trained models");
  change("--top-k", &Scale::top_k, "K of the trained models");
  change("--hidden", &Scale::hidden, "width of the model");
  change("--layers", &Scale::layers, "transformer blocks");
  change("--heads", &Scale::heads, "attention heads of the model");
  change("--lr", &Scale::learning_rate, "peak learning rate");
  change("--validation-pictures", &Scale::validation_pictures, "pictures of the validation loss");
  change("--samples", &Scale::samples, "sampled pictures of the sliced Wasserstein distance");
  change("--max-tokens", &Scale::longest_tokens, "longest length of the timings");
  change("--dense-limit", &Scale::dense_limit, "longest length at which full attention is timed");
  change("--repetitions", &Scale::repetitions, "timed runs of everything, taking turns");
  command.add_option("--checkpoint-every", a->request.checkpoint_every, "steps between checkpoints of a run")
      ->capture_default_str();
  command.add_option("--backend", a->request.backend, "implementation of attention; auto: CUDA where it runs")
      ->capture_default_str();
  command.add_option("--threads", a->request.threads, "CPU threads; 0 takes every core")->capture_default_str();
  command.callback([a, &context] { run(*a, context); });
}

}  // namespace llsa::compare::tables

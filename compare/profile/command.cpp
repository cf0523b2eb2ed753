// llsa-compare profile: where the time goes, against dense attention, over a range of lengths.
#include "compare/command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "compare/arguments.hpp"
#include "compare/profile/plot.hpp"
#include "compare/profile/report.hpp"
#include "files/atomic_file.hpp"
#include "llsa/error.hpp"
#include "llsa/method.hpp"
#include "plot/canvas.hpp"
#include "program/command_files.hpp"
#include "program/list_option.hpp"
#include "program/progress.hpp"

namespace llsa::compare::profile {
namespace {

struct ProfileArguments {
  ProfileRequest request;
  program::AttentionArguments how;
  ExecutionArguments execution;
  std::filesystem::path json, trace, plot;
};

void run(ProfileArguments& a, const CommandContext& context) {
  a.request.backend = a.execution.backend;
  a.request.precision = precision_from(a.execution.precision);
  a.request.threads = a.execution.threads;
  a.request.options = program::choice_of(a.how).options;
  validate(a.request);
  if (!a.plot.empty()) plot::require_picture_path(a.plot);
  program::CommandFiles paths;
  paths.writes("--json", a.json);
  paths.writes("--trace", a.trace);
  paths.writes("--plot", a.plot);
  paths.check();
  Profile profile;
  {
    program::Progress progress("llsa-compare profile");
    profile = measure_profile(a.request, context.stop, [&](const std::string& what) { progress.step(what); });
  }
  if (context.stop.stop_requested()) throw Cancelled();
  if (!a.json.empty()) files::write_file_atomically(a.json, profile_json(profile, "llsa-compare"));
  if (!a.trace.empty()) files::write_file_atomically(a.trace, profile_trace(profile));
  if (!a.plot.empty()) plot_profile(profile, a.plot);
  fmt::print("{}", profile_report(profile));
}

}  // namespace

void add_command(CLI::App& program, CommandContext& context) {
  const auto arguments = std::make_shared<ProfileArguments>();
  ProfileRequest& request = arguments->request;
  CLI::App& command = *program.add_subcommand(
      "profile", "Time every stage and both passes over a range of lengths, against dense attention");
  program::add_list(command, "--tokens", request.tokens, "lengths to time, separated by commas")
      ->default_str("1024,4096,16384,65536");
  command.add_option("--heads", request.heads, "attention heads")->capture_default_str();
  command.add_option("--head-dim", request.head_dim, "dimension of queries, keys and values")->capture_default_str();
  command.add_option("--repetitions", request.repetitions, "timed runs of everything, taking turns")
      ->capture_default_str();
  command.add_option("--dense-limit", request.dense_limit, "longest length at which dense attention is timed")
      ->capture_default_str();
  program::add_list(command, "--method", request.methods,
                    fmt::format("further methods to time, separated by commas: {}", fmt::join(method_names(), ", ")));
  program::add_attention_options(command, arguments->how, {.method = false});
  add_execution_arguments(command, arguments->execution);
  command.add_option("--json", arguments->json, "write every repetition in google-benchmark's schema");
  command.add_option("--trace", arguments->trace, "write every timed call in Chrome's trace format");
  command.add_option("--plot", arguments->plot, "draw time against tokens, .png or .svg");
  command.callback([arguments, &context] { run(*arguments, context); });
}

}  // namespace llsa::compare::profile

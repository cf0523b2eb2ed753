// llsa-compare check: the battery of checks on one implementation.
#include "compare/command.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "compare/arguments.hpp"
#include "compare/check/adversaries.hpp"
#include "compare/check/report.hpp"
#include "compare/storage.hpp"
#include "files/atomic_file.hpp"
#include "llsa/error.hpp"
#include "program/command_files.hpp"
#include "program/progress.hpp"

namespace llsa::compare::check {
namespace {

struct CheckArguments {
  ProblemFiles files;
  program::AttentionArguments how;
  ExecutionArguments execution;
  std::uint64_t seed = 1;
  bool quick = false, adversaries = false;
  std::string json;
};

void write(const std::string& path, const std::string& json, const std::string& text) {
  if (!path.empty() && path != "-") files::write_file_atomically(path, json);
  fmt::print("{}", path == "-" ? json : text);
}

void run_adversary_battery(const CheckArguments& a, CommandContext& context) {
  program::CommandFiles paths;
  paths.writes("--json", a.json);
  paths.check();
  std::unique_ptr<program::Progress> progress;
  AdversaryOptions options{.seed = a.seed, .quick = a.quick, .threads = a.execution.threads, .stop = context.stop};
  options.on_line = [&progress](std::string_view name, std::int64_t lines) {
    if (!progress) progress = std::make_unique<program::Progress>("llsa-compare check --adversaries", lines);
    progress->step(name);
  };
  const AdversaryReport report = run_adversaries(options);
  progress.reset();
  write(a.json, to_json(report), to_text(report));
  if (!report.passed()) context.exit_code = exit_wrong;
}

void run_check(const CheckArguments& a, bool tensors_given, CommandContext& context) {
  program::CommandFiles paths;
  register_inputs(a.files, paths);
  paths.writes("--json", a.json);
  paths.check();
  const DType precision = precision_from(a.execution.precision);
  BatteryOptions options{.backend = a.execution.backend,
                         .seed = a.seed,
                         .quick = a.quick,
                         .threads = a.execution.threads,
                         .given = nullptr,
                         .stop = context.stop};
  std::optional<LoadedProblem<double>> loaded;
  if (tensors_given) {
    loaded = load_problem<double>(a.files, choice_for(a.files, a.how));
    options.given = &loaded->problem;
  }
  std::unique_ptr<program::Progress> progress;
  options.on_line = [&progress](std::string_view name, std::int64_t lines) {
    if (!progress) progress = std::make_unique<program::Progress>("llsa-compare check", lines);
    progress->step(name);
  };
  const BatteryReport report =
      with_storage(precision, [&]<class T>(std::type_identity<T>) { return run_battery<T>(options); });
  progress.reset();
  write(a.json, to_json(report), to_text(report));
  if (!report.passed()) context.exit_code = exit_wrong;
}

}  // namespace

void add_command(CLI::App& program, CommandContext& context) {
  const auto arguments = std::make_shared<CheckArguments>();
  CLI::App& command = *program.add_subcommand(
      "check", "Hold one implementation against the oracle in a battery of checks, negative controls included");
  add_problem_arguments(command, arguments->files);
  program::add_attention_options(command, arguments->how, {.method = false});
  add_execution_arguments(command, arguments->execution);
  command.add_option("--seed", arguments->seed, "of the random tensors")->capture_default_str();
  command.add_flag("--quick", arguments->quick, "a selection of the cases that takes about a second");
  command.add_flag("--adversaries", arguments->adversaries,
                   "hold verify itself against right outputs and ones that are spoiled in many ways");
  command.add_option("--json", arguments->json, "file for the report as JSON; - prints it instead of the table");
  command.callback([arguments, &command, &context] {
    bool tensors = false, options = false;
    for (const char* name : {"--input", "--q", "--k", "--v", "--grad-output", "--grad-lse"})
      tensors |= command.count(name) > 0;
    for (const char* name :
         {"--block-size", "--levels", "--top-k", "--enrichment-levels", "--no-reweight", "--coverage", "--scale"})
      options |= command.count(name) > 0;
    if (options && !tensors)
      throw Error(
          "options of attention go with given tensors (--input, or --q, --k and --v); the seeded battery has its own");
    if (!arguments->adversaries) return run_check(*arguments, tensors, context);
    if (tensors || command.count("--backend") + command.count("--precision") > 0)
      throw Error(
          "--adversaries takes no tensors, no --backend and no --precision: it spoils outputs of every precision");
    run_adversary_battery(*arguments, context);
  });
}

}  // namespace llsa::compare::check

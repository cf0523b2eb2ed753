// llsa-compare verify: judges anybody's kernel from the outputs that it wrote.
#include "compare/command.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "backends/backends.hpp"
#include "compare/arguments.hpp"
#include "compare/verify/report.hpp"
#include "files/atomic_file.hpp"
#include "llsa/error.hpp"
#include "llsa/method.hpp"
#include "program/command_files.hpp"
#include "program/exact_number.hpp"
#include "program/progress.hpp"

namespace llsa::compare::verify {
namespace {

struct VerifyArguments {
  ProblemFiles files;
  program::AttentionArguments how;
  ExecutionArguments execution;
  std::string theirs, tolerance, json;
  double require_judged = 0.99;
};

/// The method to judge by: the one given, or the one that wrote the file, or `otherwise`. Throws `Error` when the two
/// differ, and for a method that is not LLSA with certain options.
std::string method_to_judge(const std::string& given, const files::TensorFile& theirs, const std::string& path,
                            const std::string& otherwise) {
  const auto written = theirs.metadata.find("method");
  const std::vector<std::string> names = method_names();
  const bool known = written != theirs.metadata.end() && std::ranges::count(names, written->second) > 0;
  if (!given.empty() && known && written->second != given)
    throw Error(fmt::format("{}: method '{}' wrote it, but --method is '{}'", path, written->second, given));
  const std::string method = !given.empty() ? given : known ? written->second : otherwise;
  if (!method_extras(method, {}, {}).empty())
    throw Error(fmt::format(
        "method '{}' adds a branch to attention; verify judges LLSA and the methods that are LLSA with certain options",
        method));
  return method;
}

std::optional<DType> tolerance_from(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return precision_from(text, "--tolerance");
}

void run_verify(const VerifyArguments& a, bool precision_given, CommandContext& context) {
  program::CommandFiles paths;
  register_inputs(a.files, paths);
  paths.reads("--theirs", a.theirs);
  paths.writes("--json", a.json);
  paths.check();
  if (!(a.require_judged >= 0 && a.require_judged <= 1))
    throw Error(fmt::format("--require-judged is {}; it must be from 0 to 1", a.require_judged));
  VerifyOptions options{.tolerance = tolerance_from(a.tolerance), .require_judged = a.require_judged};
  const DType precision = precision_from(a.execution.precision);
  if (precision_given && !options.tolerance) options.tolerance = precision;
  ThreadPool threads(a.execution.threads);
  threads.set_stop_token(context.stop);
  // The judge needs no backend; a name that does not exist is a usage error here too.
  if (std::ranges::count(backend_names(), a.execution.backend) == 0)
    make_attention<double>(a.execution.backend, threads);
  program::Progress progress("llsa-compare verify");
  progress.step("reading");
  const files::TensorFile file = files::read_tensor_file(a.theirs);
  AttentionChoice how = choice_for(a.files, a.how);
  how.method = method_to_judge(a.how.method.value_or(""), file, a.theirs, how.method);
  const LoadedProblem<double> loaded = load_problem<double>(a.files, how);
  const Theirs theirs = read_theirs(file, loaded.problem);
  options.inputs = coarsest_type(loaded.stored);
  options.on_step = [&progress](std::string_view step) { progress.step(step); };
  const VerifyReport report = verify(loaded.problem, theirs, options, threads);
  if (context.stop.stop_requested()) throw Cancelled();
  const auto judged = std::find_if(report.tensors.begin(), report.tensors.end(),
                                   [](const TensorVerdict& v) { return v.verdict != Verdict::not_judged; });
  if (judged == report.tensors.end())
    throw Error(fmt::format("{}: nothing in it can be judged: {} {}", a.theirs, report.tensors.front().name,
                            report.tensors.front().findings.front()));
  if (!a.json.empty() && a.json != "-") files::write_file_atomically(a.json, to_json(report));
  fmt::print("{}", a.json == "-" ? to_json(report) : to_text(report));
  if (report.conclusion() == Conclusion::wrong) context.exit_code = exit_wrong;
  if (report.conclusion() == Conclusion::not_judged_enough) context.exit_code = exit_not_judged;
}

}  // namespace

void add_command(CLI::App& program, CommandContext& context) {
  const auto arguments = std::make_shared<VerifyArguments>();
  CLI::App& command = *program.add_subcommand(
      "verify", "Judge anybody's kernel from the outputs that it wrote, and say what a wrong one looks like");
  add_problem_arguments(command, arguments->files);
  command
      .add_option("--theirs", arguments->theirs,
                  "what the kernel wrote: any of o, lse, indices_1 ..., dq, dk, dv; .safetensors")
      ->required();
  program::add_attention_options(command, arguments->how);
  command.get_option("--method")
      ->description(
          "what theirs computes, when the file does not say: llsa, or a method that is LLSA with certain options");
  add_execution_arguments(command, arguments->execution);
  const CLI::Option* precision = command.get_option("--precision");
  command.get_option("--backend")->description("accepted as for run; the judge is always the reference in double");
  command.get_option("--precision")
      ->description("as for run: the arithmetic to expect of theirs (default: the types they are stored in)");
  command.add_option("--tolerance", arguments->tolerance,
                     "expect no better than this type's arithmetic: f16, bf16, f32 or f64");
  program::add_number(
      command, "--require-judged", arguments->require_judged,
      "share of the elements of every tensor that must be judged, 0 to 1; with less the verdict is 'not "
      "judged enough', exit status 3");
  command.add_option("--json", arguments->json, "file for the report as JSON; - prints it instead of the table");
  command.callback([arguments, precision, &context] { run_verify(*arguments, precision->count() > 0, context); });
}

}  // namespace llsa::compare::verify

// llsa-compare run: one implementation on given tensors, all outputs written.
#include "compare/command.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>

#include "backends/backends.hpp"
#include "compare/arguments.hpp"
#include "compare/outcome_file.hpp"
#include "compare/storage.hpp"
#include "files/safetensors.hpp"
#include "llsa/error.hpp"
#include "llsa/option_metadata.hpp"
#include "program/command_files.hpp"
#include "program/progress.hpp"

namespace llsa::compare::run {
namespace {

struct RunArguments {
  ProblemFiles files;
  program::AttentionArguments how;
  ExecutionArguments execution;
  std::string output;
};

void stop_if_asked(const CommandContext& context) {
  if (context.stop.stop_requested()) throw Cancelled();
}

/// What was read and what it was converted to: the inputs that the outputs belong to.
void print_inputs(const std::vector<StoredTensor>& stored, DType precision) {
  for (const StoredTensor& tensor : stored) {
    const DType type = dtype_from(tensor.type, tensor.name);
    fmt::print("{} {} {}", tensor.name, files::describe_shape(tensor.shape), files::name_of(tensor.type));
    if (type != precision)
      fmt::print(" converted to {} ({})", name_of(precision),
                 llsa::size_of(type) < llsa::size_of(precision) ? "exactly" : "rounded to nearest");
    fmt::print("{}\n", tensor.layout.empty() ? "" : ", axes " + tensor.layout);
  }
}

template <class T>
void run(const RunArguments& a, const CommandContext& context) {
  program::CommandFiles paths;
  register_inputs(a.files, paths);
  paths.writes("--output", a.output);
  paths.check();
  ThreadPool threads(a.execution.threads);
  threads.set_stop_token(context.stop);
  const AttentionChoice how = choice_for(a.files, a.how);
  const auto attention = make_attention<T>(how.method, a.execution.backend, threads);
  program::Progress progress("llsa-compare run");
  progress.step("reading");
  const LoadedProblem<T> loaded = load_problem<T>(a.files, how);
  stop_if_asked(context);
  progress.step(loaded.problem.has_gradient() ? "forward and backward" : "forward");
  const auto begin = std::chrono::steady_clock::now();
  const Outcome<T> outcome = run_attention(*attention, loaded.problem);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;

  std::map<std::string, std::string> metadata = llsa::option_metadata(outcome.options);
  metadata["layout"] = "batch,heads,tokens,dim";
  metadata["method"] = how.method;
  metadata["backend"] = a.execution.backend;
  metadata["precision"] = a.execution.precision;
  metadata["threads"] = std::to_string(threads.threads());
  metadata["grad_output"] = loaded.problem.has_gradient() ? "true" : "false";
  metadata["grad_lse"] = loaded.problem.has_lse_gradient() ? "true" : "false";
  for (const StoredTensor& tensor : loaded.stored)
    metadata["stored_" + tensor.name] = std::string(files::name_of(tensor.type));
  stop_if_asked(context);
  progress.step("writing");
  const std::vector<files::NamedTensor> tensors = outcome_tensors(outcome);
  files::write_safetensors(a.output, tensors, metadata);

  print_inputs(loaded.stored, dtype_of<T>());
  fmt::print("method {}\n", how.method);
  for (const auto& [name, value] : llsa::option_metadata(outcome.options))
    fmt::print("{} {}\n", name, value.empty() ? "-" : value);
  fmt::print("{} in {}, {} threads: {:.3f} s\n", a.execution.backend, name_of(dtype_of<T>()), threads.threads(),
             seconds.count());
  fmt::print("wrote {}:", a.output);
  for (const auto& tensor : tensors) fmt::print(" {} {}", tensor.name(), files::describe_shape(tensor.shape()));
  fmt::print("\n");
}

}  // namespace

void add_command(CLI::App& program, CommandContext& context) {
  const auto arguments = std::make_shared<RunArguments>();
  CLI::App& command = *program.add_subcommand("run", "Run one implementation on given tensors and write all outputs");
  add_problem_arguments(command, arguments->files);
  program::add_attention_options(command, arguments->how);
  add_execution_arguments(command, arguments->execution);
  command
      .add_option(
          "--output", arguments->output,
          ".safetensors to write: o, lse, indices_1 ..., dq, dk, dv, and gradients of the method's further inputs")
      ->required();
  command.callback([arguments, &context] {
    with_storage(precision_from(arguments->execution.precision),
                 [&]<class T>(std::type_identity<T>) { run<T>(*arguments, context); });
  });
}

}  // namespace llsa::compare::run

#include "compare/arguments.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "backends/backends.hpp"
#include "files/safetensors.hpp"
#include "llsa/error.hpp"
#include "llsa/option_metadata.hpp"
#include "program/exact_number.hpp"

namespace llsa::compare {
void add_problem_arguments(CLI::App& command, ProblemFiles& files) {
  command.add_option("--input", files.input, ".safetensors with tensors q, k and v (instead of --q, --k, --v)");
  command.add_option("--q", files.query, "queries [batch, heads, tokens, dim] or [tokens, dim]; .npy or .safetensors");
  command.add_option("--k", files.key, "keys, likewise");
  command.add_option("--v", files.value, "values, likewise");
  command.add_option(
      "--grad-output", files.output_gradient,
      "gradient of the output: asks for dq, dk and dv too ('grad_output' in a .safetensors with several)");
  command.add_option("--grad-lse", files.lse_gradient,
                     "gradient of lse [batch, heads, tokens]; only with --grad-output ('grad_lse' likewise)");
}

AttentionChoice choice_for(const ProblemFiles& files, const program::AttentionArguments& how) {
  AttentionChoice choice;
  if (!files.input.empty()) {
    try {
      choice = choice_from(files::read_safetensors_metadata(files.input)).value_or(AttentionChoice());
    } catch (const Error& error) {
      throw Error(files.input + ": " + error.what());
    }
  }
  program::lay_over(how, choice);
  return choice;
}

void register_inputs(const ProblemFiles& f, program::CommandFiles& paths) {
  paths.reads("--input", f.input);
  paths.reads("--q", f.query);
  paths.reads("--k", f.key);
  paths.reads("--v", f.value);
  paths.reads("--grad-output", f.output_gradient);
  paths.reads("--grad-lse", f.lse_gradient);
}

void add_execution_arguments(CLI::App& command, ExecutionArguments& a) {
  command.add_option("--backend", a.backend, fmt::format("implementation: {}", fmt::join(backend_names(), ", ")))
      ->capture_default_str();
  command
      .add_option("--precision", a.precision,
                  "type that inputs are rounded to and results stored in: f16, bf16, f32 or f64; sums are in f32, in "
                  "f64 for f64")
      ->capture_default_str();
  program::add_number(command, "--threads", a.threads, "CPU threads; 0 takes every core");
}

DType precision_from(const std::string& text, const std::string& argument) {
  for (const DType type : {DType::f16, DType::bf16, DType::f32, DType::f64})
    if (text == name_of(type)) return type;
  throw Error(fmt::format("{} is '{}'; it must be f16, bf16, f32 or f64", argument, text));
}

}  // namespace llsa::compare

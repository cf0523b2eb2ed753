#pragma once

#include <optional>
#include <string>

#include "compare/load.hpp"
#include "program/command_files.hpp"

namespace CLI {
class App;
}

namespace llsa::compare {

/// The options that describe attention, as `run`, `check` and `verify` take them. Unset: the definition's default.
struct OptionArguments {
  std::int64_t block_size = Options{}.block_size;
  std::string levels = "auto";
  std::string top_k = "8";
  std::optional<int> enrichment_levels;
  bool no_reweight = false;
  std::string coverage = "overlapping";
  std::optional<double> scale;
};

/// How the work is done.
struct ExecutionArguments {
  std::string backend = "reference";
  std::string precision = "f32";
  int threads = 0;
};

void add_problem_arguments(CLI::App& command, ProblemFiles& files);
/// Names every file of a problem as read by its option.
void register_inputs(const ProblemFiles& files, program::CommandFiles& paths);
void add_option_arguments(CLI::App& command, OptionArguments& arguments);
/// --method, one of `method_names()`.
void add_method_argument(CLI::App& command, std::string& method);
void add_execution_arguments(CLI::App& command, ExecutionArguments& arguments);

/// Throws `Error` naming the argument, its value and what is allowed; ranges are checked by `resolve`.
Options options_from(const OptionArguments& arguments);
DType precision_from(const std::string& text, const std::string& argument = "--precision");

}  // namespace llsa::compare

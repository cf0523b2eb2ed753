#pragma once

#include <string>

#include "compare/load.hpp"
#include "program/attention_options.hpp"
#include "program/command_files.hpp"

namespace CLI {
class App;
}

namespace llsa::compare {

/// How the work is done.
struct ExecutionArguments {
  std::string backend = "reference";
  std::string precision = "f32";
  int threads = 0;
};

void add_problem_arguments(CLI::App& command, ProblemFiles& files);
/// How the tensors of a problem are to be attended to: as `--input` says that they ran (`choice_from`), else as is
/// usual, and what the command line says over it. Throws `Error` naming the file when it says something impossible.
AttentionChoice choice_for(const ProblemFiles& files, const program::AttentionArguments& how);
/// Names every file of a problem as read by its option.
void register_inputs(const ProblemFiles& files, program::CommandFiles& paths);
void add_execution_arguments(CLI::App& command, ExecutionArguments& arguments);

/// Throws `Error` naming the argument, its value and what is allowed.
DType precision_from(const std::string& text, const std::string& argument = "--precision");

}  // namespace llsa::compare

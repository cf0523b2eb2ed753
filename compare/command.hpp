#pragma once

#include <stop_token>

#include "program/program.hpp"

namespace llsa::compare {

using enum program::ExitStatus;

/// What main shares with a command. A command registers itself as a subcommand whose callback does the work, sets
/// `exit_code` when it is not `exit_done`, and throws `Error` (one line, exit 2) for bad input.
struct CommandContext {
  int exit_code = exit_done;
  std::stop_token stop;  ///< requested by Ctrl-C; hand it to `ThreadPool::set_stop_token`
};

/// One file per command: compare/<name>_command.cpp.
void add_run_command(CLI::App& program, CommandContext& context);
void add_check_command(CLI::App& program, CommandContext& context);
void add_verify_command(CLI::App& program, CommandContext& context);
void add_profile_command(CLI::App& program, CommandContext& context);
void add_approximate_command(CLI::App& program, CommandContext& context);
void add_table_command(CLI::App& program, CommandContext& context);
void add_recommend_command(CLI::App& program, CommandContext& context);

}  // namespace llsa::compare

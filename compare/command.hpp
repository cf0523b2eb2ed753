#pragma once

#include <stop_token>

namespace CLI {
class App;
}

namespace llsa::compare {

/// What the program's exit status means, for every command.
enum ExitCode : int {
  exit_right = 0,         ///< everything asked for was done, and what was judged is right
  exit_wrong = 1,         ///< something that was judged is wrong
  exit_bad_input = 2,     ///< usage, files, shapes or options: one line on stderr says which
  exit_interrupted = 130  ///< stopped by Ctrl-C or a termination request; nothing was written
};

/// What main shares with a command. A command registers itself as a subcommand whose callback does the work, sets
/// `exit_code` when it is not `exit_right`, and throws `Error` (one line, exit 2) for bad input.
struct CommandContext {
  int exit_code = exit_right;
  std::stop_token stop;  ///< requested by Ctrl-C; hand it to `reference::ThreadPool::set_stop_token`
};

/// One file per command: compare/<name>_command.cpp.
void add_run_command(CLI::App& program, CommandContext& context);
void add_check_command(CLI::App& program, CommandContext& context);
void add_verify_command(CLI::App& program, CommandContext& context);
void add_profile_command(CLI::App& program, CommandContext& context);

}  // namespace llsa::compare

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

/// One file per command: compare/<command>/command.cpp.
namespace run {
void add_command(CLI::App& program, CommandContext& context);
}
namespace check {
void add_command(CLI::App& program, CommandContext& context);
}
namespace verify {
void add_command(CLI::App& program, CommandContext& context);
}
namespace profile {
void add_command(CLI::App& program, CommandContext& context);
}
namespace approximate {
void add_command(CLI::App& program, CommandContext& context);
}
namespace tables {
void add_command(CLI::App& program, CommandContext& context);
}
namespace recommend {
void add_command(CLI::App& program, CommandContext& context);
}

}  // namespace llsa::compare

// llsa-compare: runs, checks, judges and times implementations of Log-linear Sparse Attention. One file per command.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <new>
#include <string>

#include "compare/command.hpp"
#include "compare/interrupt.hpp"
#include "llsa/error.hpp"

namespace llsa::compare {
namespace {

int report(std::string message, int exit_code) {
  while (!message.empty() && message.back() == '\n') message.pop_back();
  std::replace(message.begin(), message.end(), '\n', ' ');
  fmt::print(stderr, "llsa-compare: {}\n", message);
  return exit_code;
}

/// "run, verify; --help describes them".
std::string commands(const CLI::App& program) {
  std::string names;
  for (const CLI::App* command : program.get_subcommands({}))
    names += (names.empty() ? "" : ", ") + command->get_name();
  return names + "; --help describes them";
}

int run_program(int argc, char** argv) {
  const Interrupt interrupt;
  CommandContext context{.exit_code = exit_right, .stop = interrupt.token()};
  CLI::App program("Runs, checks, judges and times implementations of Log-linear Sparse Attention (LLSA).",
                   "llsa-compare");
  program.require_subcommand(1);
  program.footer("Exit status: 0 right, 1 something judged is wrong, 2 usage or bad input, 130 interrupted.");
  // Every command registers itself here (see command.hpp).
  add_run_command(program, context);
  add_check_command(program, context);
  add_verify_command(program, context);
  add_profile_command(program, context);
  try {
    program.parse(argc, argv);
    return context.exit_code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);  // --help
    if (program.get_subcommands().empty()) return report("give a command: " + commands(program), exit_bad_input);
    return report(error.what(), exit_bad_input);
  } catch (const Cancelled&) {
    return report("interrupted; nothing was written", exit_interrupted);
  } catch (const Error& error) {
    return report(error.what(), exit_bad_input);
  } catch (const std::bad_alloc&) {
    return report("not enough memory for tensors of these shapes", exit_bad_input);
  } catch (const std::exception& error) {
    return report(error.what(), exit_bad_input);
  }
}

}  // namespace
}  // namespace llsa::compare

int main(int argc, char** argv) { return llsa::compare::run_program(argc, argv); }

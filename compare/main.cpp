// llsa-compare: runs, checks, judges and times implementations of Log-linear Sparse Attention. One file per command.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "compare/command.hpp"
#include "llsa/error.hpp"
#include "program/interrupt.hpp"
#include "program/program.hpp"

namespace llsa::compare {
namespace {

int run_program(int argc, char** argv) {
  const program::Interrupt interrupt;
  CommandContext context{.stop = interrupt.token()};
  CLI::App program("Runs, checks, judges and times implementations of Log-linear Sparse Attention (LLSA).",
                   "llsa-compare");
  program.require_subcommand(1);
  program.footer(
      "Exit status: 0 right, 1 something judged is wrong, 2 usage or bad input, 3 not judged enough, 130 interrupted.");
  // Every command registers itself here (see command.hpp).
  run::add_command(program, context);
  check::add_command(program, context);
  verify::add_command(program, context);
  profile::add_command(program, context);
  approximate::add_command(program, context);
  recommend::add_command(program, context);
  tables::add_command(program, context);
  const auto finish = [&] {
    // A verdict that nobody could read was not given.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) throw Error("standard output cannot be written");
    return context.exit_code;
  };
  return program::run(program, argc, argv, finish,
                      {.old_spellings = {{"--out", "--output", "table"}, {"--scale", "--sizes", "table"}}});
}

}  // namespace
}  // namespace llsa::compare

int main(int argc, char** argv) { return llsa::compare::run_program(argc, argv); }

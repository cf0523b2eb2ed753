// llsa-diffusion: trains a pixel diffusion transformer with Log-linear Sparse Attention, samples it and looks inside.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <new>
#include <string>

#include "diffusion/command.hpp"
#include "diffusion/interrupt.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {

void say(const std::string& message) { fmt::print(stderr, "llsa-diffusion: {}\n", message); }

namespace {

int refuse(std::string message) {
  while (!message.empty() && message.back() == '\n') message.pop_back();
  std::replace(message.begin(), message.end(), '\n', ' ');
  say(message);
  return exit_bad_input;
}

int run_program(int argc, char** argv) {
  watch_interrupts();
  CommandContext context{.exit_code = exit_done, .stop_requested = interrupted};
  CLI::App program("Trains, samples and inspects pixel diffusion transformers with full or sparse attention.",
                   "llsa-diffusion");
  program.require_subcommand(1);
  program.footer("Exit status: 0 done, 2 usage or bad input, 130 interrupted (the state is saved).");
  add_train_command(program, context);
  add_sample_command(program, context);
  add_capture_command(program, context);
  add_evaluate_command(program, context);
  add_export_command(program, context);
  add_profile_command(program, context);
  try {
    program.parse(argc, argv);
    return context.exit_code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);  // --help
    return refuse(error.what());
  } catch (const Error& error) {
    return refuse(error.what());
  } catch (const std::bad_alloc&) {
    return refuse("not enough memory for a model of this size; try a smaller --batch, --micro-batch or --recompute");
  } catch (const std::exception& error) {
    return refuse(error.what());
  }
}

}  // namespace
}  // namespace llsa::diffusion

int main(int argc, char** argv) { return llsa::diffusion::run_program(argc, argv); }

// llsa-diffusion: trains a pixel diffusion transformer with Log-linear Sparse Attention, samples it and looks inside.
#include <CLI/CLI.hpp>

#include "diffusion/command.hpp"
#include "program/interrupt.hpp"

namespace llsa::diffusion {

void say(const std::string& message) { program::say("llsa-diffusion", message); }

namespace {

int run_program(int argc, char** argv) {
  const program::Interrupt interrupt;
  CommandContext context{.stop = interrupt.token()};
  CLI::App program("Trains, samples and inspects pixel diffusion transformers with full or sparse attention.",
                   "llsa-diffusion");
  program.require_subcommand(1);
  program.footer("Exit status: 0 done, 2 usage or bad input, 130 interrupted (a training run's state is saved).");
  add_train_command(program, context);
  add_sample_command(program, context);
  add_capture_command(program, context);
  add_evaluate_command(program, context);
  add_export_command(program, context);
  add_export_data_command(program, context);
  add_profile_command(program, context);
  const program::Words words{
      .interrupted = "interrupted",
      .no_memory = "not enough memory for a model of this size; try a smaller --batch, --micro-batch or --recompute",
      .old_spellings = {{"--attention", "--method"}, {"--enrichment", "--enrichment-levels"}, {"--out", "--output"}}};
  return program::run(
      program, argc, argv, [&] { return context.exit_code; }, words);
}

}  // namespace
}  // namespace llsa::diffusion

int main(int argc, char** argv) { return llsa::diffusion::run_program(argc, argv); }

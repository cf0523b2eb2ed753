#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "diffusion/checkpoint.hpp"
#include "diffusion/runner.hpp"
#include "diffusion/sampler.hpp"
#include "llsa/error.hpp"
#include "program/exact_number.hpp"
#include "program/list_option.hpp"
#include "program/program.hpp"

/// The commands of llsa-diffusion, one file each. Every one registers itself with the program and runs in its callback.
namespace llsa::diffusion {

using enum program::ExitStatus;

struct CommandContext {
  int exit_code = exit_done;
  std::stop_token stop;  ///< requested by Ctrl-C or SIGTERM
};

void add_train_command(CLI::App& program, CommandContext& context);
void add_sample_command(CLI::App& program, CommandContext& context);
void add_capture_command(CLI::App& program, CommandContext& context);
void add_evaluate_command(CLI::App& program, CommandContext& context);
void add_export_command(CLI::App& program, CommandContext& context);
void add_export_data_command(CLI::App& program, CommandContext& context);
void add_profile_command(CLI::App& program, CommandContext& context);

/// --backend and --threads, for every command that computes.
struct ComputeOptions {
  std::string backend = "reference";
  int threads = 0;
  void add(CLI::App& command) {
    command.add_option("--backend", backend, "implementation of attention")->capture_default_str();
    program::add_number(command, "--threads", threads, "threads; 0 takes every core");
  }
};

/// --sampler and --guidance-interval, for commands that sample; `options` (`SampleOptions` or `EvaluateOptions`) must
/// outlive the program.
template <class Options>
void add_solver_options(CLI::App& command, Options& options) {
  command
      .add_option_function<std::string>(
          "--sampler", [&options](const std::string& name) { options.solver = solver_from(name); },
          "euler, heun (two evaluations a step) or dpm++2m")
      ->default_str("euler");
  command
      .add_option_function<std::string>(
          "--guidance-interval",
          [&options](const std::string& text) {
            const std::vector<double> ends = program::list_of<double>("--guidance-interval", text);
            if (ends.size() != 2) throw Error("--guidance-interval is '" + text + "'; it must be LOW,HIGH");
            options.guidance_low = ends[0];
            options.guidance_high = ends[1];
          },
          "times between which guidance acts: LOW,HIGH")
      ->default_str("0,1");
}

/// Says one line on stderr.
void say(const std::string& message);

}  // namespace llsa::diffusion

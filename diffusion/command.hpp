#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <stop_token>
#include <string>

#include "diffusion/checkpoint.hpp"
#include "diffusion/runner.hpp"
#include "program/exact_number.hpp"
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

/// Says one line on stderr.
void say(const std::string& message);

}  // namespace llsa::diffusion

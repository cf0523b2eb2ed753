// llsa-demo: a picture's pixels as tokens; dense attention against LLSA in numbers, pictures and a report.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "demo/demo.hpp"
#include "demo/report.hpp"
#include "program/command_files.hpp"
#include "program/interrupt.hpp"
#include "program/program.hpp"

namespace {

/// The report never writes over the pictures and tensors that it is about.
void expect_free_places(const llsa::demo::DemoOptions& options) {
  llsa::program::CommandFiles paths;
  paths.reads("--image", options.image);
  for (const auto& file : options.captures) paths.reads("--capture", file);
  paths.reads("--capture-picture", options.capture_picture);
  paths.reads("--checkpoint", options.checkpoint);
  paths.writes_into("--output", options.output, llsa::demo::is_report_file);
  if (!options.checkpoint.empty())
    paths.writes_into("--output", options.output / "captures", [](std::string_view) { return true; });
  paths.check();
}

int run_program(int argc, char** argv) {
  const llsa::program::Interrupt interrupt;
  llsa::demo::DemoOptions options;
  std::vector<std::string> queries;
  CLI::App program(
      "Runs dense attention and Log-linear Sparse Attention over the pixels of a picture; prints how they "
      "compare, and writes pictures and a report that explain the method.",
      "llsa-demo");
  program.option_defaults()->always_capture_default();
  program.add_option("--output", options.output, "folder for the pictures and report.md; made if missing");
  program.add_option("--image", options.image,
                     "PNG or JPEG; resized and centre-cropped to a square. Default: a "
                     "procedural landscape");
  program.add_option("--size", options.size, "side of the square picture in pixels, 8 to 1024");
  program.add_option("--heads", options.projection.heads, "attention heads, 1 to 64");
  program.add_option("--head-dim", options.projection.head_dim, "a multiple of 16 from 16 to 256");
  program.add_option("--sharpness", options.projection.sharpness,
                     "score of a pixel with itself; higher is more selective");
  program.add_option("--top-k", options.top_k, "blocks kept at each level, 1 or more");
  program
      .add_option("--query", queries,
                  "a pixel to look at, as ROW,COLUMN counted from 0; up to 9 times. Default: three that differ")
      ->take_all();
  program
      .add_option("--capture", options.captures,
                  "Q, K, V of a trained model, as `llsa-diffusion capture` writes them; up to 9 times")
      ->take_all();
  program.add_option("--capture-picture", options.capture_picture,
                     "the picture that the captures' tokens lie on, one pixel a token");
  program.add_option("--checkpoint", options.checkpoint,
                     "a model trained by llsa-diffusion, whose attention is captured and shown");
  program.add_option("--label", options.label, "what that model draws, counted from 0");
  program.add_option("--seed", options.projection.seed, "seed of the projection and of the procedural picture");
  program.add_option("--threads", options.threads, "0 takes every core");
  program.add_option("--backend", options.backend, "implementation that runs LLSA");
  const auto body = [&] {
    for (const std::string& query : queries) options.queries.push_back(llsa::demo::parse_pixel(query));
    expect_free_places(options);
    llsa::demo::run_demo(options, interrupt.token(), [](const std::string& line) {
      fmt::print("{}\n", line);
      std::fflush(stdout);
    });
    return llsa::program::exit_done;
  };
  return llsa::program::run(
      program, argc, argv, body,
      {.interrupted = "interrupted", .no_memory = "not enough memory for so many tokens and heads"});
}

}  // namespace

int main(int argc, char** argv) { return run_program(argc, argv); }

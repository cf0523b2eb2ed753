// llsa-compare approximate: how well each method approximates dense attention, at equal numbers of touched keys.
#include "compare/command.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "compare/approximate/report.hpp"
#include "files/atomic_file.hpp"
#include "llsa/error.hpp"
#include "plot/canvas.hpp"
#include "program/command_files.hpp"
#include "program/list_option.hpp"
#include "program/progress.hpp"

namespace llsa::compare::approximate {
namespace {

struct ApproximateArguments {
  std::vector<std::filesystem::path> files, images;
  std::vector<int> sizes = {128};
  std::vector<std::uint64_t> seeds = {1};
  bool landscape = false;
  std::int64_t heads = 4, head_dim = 64, queries = 0;
  std::vector<std::string> coverages;
  approximate::Sweep sweep;
  std::string backend = "reference";
  int threads = 0;
  std::filesystem::path markdown, json;
  std::vector<std::filesystem::path> plots;
};

/// What is to be loaded, one after the other, so that one input is held in memory at a time.
std::vector<std::function<approximate::Input()>> inputs_of(const ApproximateArguments& a) {
  std::vector<std::function<approximate::Input()>> inputs;
  for (const auto& file : a.files) inputs.push_back([file] { return approximate::input_from_file(file); });
  std::vector<std::filesystem::path> pictures = a.images;
  if (a.landscape || (pictures.empty() && a.files.empty())) pictures.push_back({});
  for (const auto& picture : pictures)
    for (const int size : a.sizes)
      for (const std::uint64_t seed : a.seeds)
        inputs.push_back([=, heads = a.heads, head_dim = a.head_dim] {
          return approximate::input_from_picture(
              {.path = picture, .size = size, .heads = heads, .head_dim = head_dim, .seed = seed});
        });
  return inputs;
}

void run(ApproximateArguments& a, const CommandContext& context) {
  if (!a.coverages.empty()) a.sweep.coverages.clear();
  for (const std::string& name : a.coverages) a.sweep.coverages.push_back(coverage_from(name));
  validate(a.sweep);
  if (a.queries < 0) throw Error(fmt::format("queries is {}; it must be 0 (all) or more", a.queries));
  for (const auto& path : a.plots) plot::require_picture_path(path);
  program::CommandFiles paths;
  for (const auto& path : a.files) paths.reads("--input", path);
  for (const auto& path : a.images) paths.reads("--image", path);
  paths.writes("--markdown", a.markdown);
  paths.writes("--json", a.json);
  for (const auto& path : a.plots) paths.writes("--plot", path);
  paths.check();
  const auto inputs = inputs_of(a);
  if (!a.plots.empty() && inputs.size() > approximate::most_plotted)
    throw Error(
        fmt::format("{} inputs are too many to plot; at most {} fit", inputs.size(), approximate::most_plotted));

  ThreadPool threads(a.threads);
  threads.set_stop_token(context.stop);
  std::vector<approximate::InputResult> results;
  std::string text;
  {
    program::Progress progress("llsa-compare approximate");
    for (const auto& load : inputs) {
      approximate::Input input = load();
      progress.step(input.name + ": dense attention");
      approximate::Judge judge(std::move(input), a.queries, a.backend, threads);
      approximate::InputResult result = describe(judge);
      result.sections = run_sweep(judge, a.sweep, [&](const std::string& what) { progress.step(what); });
      text += (text.empty() ? "" : "\n") + markdown(result);
      results.push_back(std::move(result));
    }
  }
  if (context.stop.stop_requested()) throw Cancelled();
  if (!a.markdown.empty()) files::write_file_atomically(a.markdown, text);
  if (!a.json.empty()) files::write_file_atomically(a.json, json_of(results));
  for (const auto& path : a.plots) approximate::plot(results, path);
  fmt::print("{}", text);
}

}  // namespace

void add_command(CLI::App& program, CommandContext& context) {
  const auto a = std::make_shared<ApproximateArguments>();
  CLI::App& command = *program.add_subcommand(
      "approximate", "Measure how well each method approximates dense attention, at equal numbers of touched keys");
  command.add_option("--input", a->files, "captured q, k, v (.safetensors); several may be given");
  command.add_option("--image", a->images,
                     "PNG or JPEG whose pixels become tokens, as in llsa-demo; several may be given");
  command.add_flag("--landscape", a->landscape, "a generated landscape besides; the default when nothing is given");
  const auto list = [&](const char* name, auto& target, const char* description) {
    return program::add_list(command, name, target, description);
  };
  list("--size", a->sizes, "sides that pictures are resampled to")->default_str("128");
  list("--seed", a->seeds, "seeds of the pictures' projection, and of the landscape")->default_str("1");
  command.add_option("--heads", a->heads, "attention heads of pictures")->capture_default_str();
  command.add_option("--head-dim", a->head_dim, "dimension of pictures' queries, keys and values")
      ->capture_default_str();
  list("--top-k", a->sweep.top_k, "K; of each list the first value is what the others are compared at")
      ->default_str("8,4,16,32");
  list("--block-size", a->sweep.block_sizes, "B (default: 16, or 4 for short sequences, and others around it)");
  list("--levels", a->sweep.levels, "L (default: the automatic number, and others)");
  list("--enrichment-levels", a->sweep.enrichment_levels, "Le (default: L down to 0)");
  list("--coverage", a->coverages, "overlapping, disjoint")->default_str("overlapping,disjoint");
  list("--order", a->sweep.orders, "token orders: raster, morton, hilbert (default: all, where the grid is known)");
  command.add_flag("--all-combinations", a->sweep.all_combinations,
                   "every combination of LLSA's values in one table, without the other methods");
  command.add_option("--queries", a->queries, "judge this many queries, spread evenly; 0: all")->capture_default_str();
  command.add_option("--backend", a->backend, "implementation of attention")->capture_default_str();
  command.add_option("--threads", a->threads, "CPU threads; 0 takes every core")->capture_default_str();
  command.add_option("--markdown", a->markdown, "also write the tables to this file");
  command.add_option("--json", a->json, "write every row");
  command.add_option("--plot", a->plots, "draw error and mass against keys, .png or .svg; several may be given");
  command.callback([a, &context] { run(*a, context); });
}

}  // namespace llsa::compare::approximate

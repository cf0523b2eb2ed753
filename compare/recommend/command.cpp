// llsa-compare recommend: which setting to use for a length, with the error and time to expect and why.
#include "compare/command.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "compare/recommend/recommend.hpp"
#include "files/atomic_file.hpp"
#include "llsa/error.hpp"
#include "program/command_files.hpp"
#include "program/progress.hpp"

namespace llsa::compare::recommend {
namespace {

struct RecommendArguments {
  recommend::Request request;
  CLI::Option *tokens = nullptr, *head_dim = nullptr, *heads = nullptr;
  std::optional<double> budget_ms;
  std::string input, backend = "reference";
  int threads = 0;
  std::filesystem::path json;
};

std::vector<std::int64_t> block_sizes_of(const std::vector<recommend::Setting>& settings) {
  std::set<std::int64_t> sizes;
  for (const recommend::Setting& setting : settings) sizes.insert(setting.block_size);
  return {sizes.begin(), sizes.end()};
}

/// The shape comes from the input; what is given besides must agree.
void take_shape(RecommendArguments& a, const approximate::Input& input) {
  const auto take = [&](const CLI::Option* option, std::int64_t& value, std::int64_t from) {
    if (option->count() > 0 && value != from)
      throw Error(fmt::format("{} is {}; {} has {}", option->get_name(), value, a.input, from));
    value = from;
  };
  if (input.query.shape().tokens != input.key.shape().tokens)
    throw Error(fmt::format("{}: {} query and {} key tokens; a recommendation needs as many of both", a.input,
                            input.query.shape().tokens, input.key.shape().tokens));
  take(a.tokens, a.request.tokens, input.key.shape().tokens);
  take(a.head_dim, a.request.head_dim, input.query.shape().dim);
  take(a.heads, a.request.heads, input.query.shape().heads);
}

void run(RecommendArguments& a, const CommandContext& context) {
  if (a.budget_ms) a.request.time_budget = 1e-3 * *a.budget_ms;
  if (a.input.empty() && a.tokens->count() == 0) throw Error("give --tokens N, or --input with tensors q, k and v");
  program::CommandFiles paths;
  paths.reads("--input", a.input);
  paths.writes("--json", a.json);
  paths.check();
  std::optional<approximate::Input> input;
  if (!a.input.empty()) {
    input = approximate::input_from_file(a.input);
    take_shape(a, *input);
  }
  validate(a.request);

  ThreadPool threads(a.threads);
  threads.set_stop_token(context.stop);
  const recommend::Measurements& shipped = recommend::Measurements::shipped();
  std::vector<recommend::Candidate> candidates;
  {
    program::Progress progress("llsa-compare recommend");
    progress.step("calibrating");
    const recommend::CostModel cost =
        recommend::calibrate(block_sizes_of(shipped.settings()), a.request.head_dim, a.backend, threads);
    candidates = input ? measured_candidates(a.request, *input, shipped.settings(), cost, a.backend, threads,
                                             [&](const std::string& what) { progress.step(what); })
                       : expected_candidates(a.request, shipped, cost);
  }
  if (context.stop.stop_requested()) throw Cancelled();
  const recommend::Recommendation result = recommend::recommend(a.request, std::move(candidates));
  const std::string errors =
      input ? fmt::format("measured on {} (first batch entry, up to 2 heads, up to 1,024 queries).", a.input)
            : fmt::format(
                  "medians and ranges over what comes with the project: {}. Attention of other models can be "
                  "easier or harder to approximate; --input measures it.",
                  fmt::join(shipped.sources(), "; "));
  const std::string times = fmt::format(
      "all heads, estimated from a calibration of backend {} on this machine just now ({} thread{}) and the number of "
      "keys.",
      a.backend, threads.threads(), threads.threads() == 1 ? "" : "s");
  if (!a.json.empty()) files::write_file_atomically(a.json, json_of(a.request, result, errors, times).dump(2) + "\n");
  fmt::print("{}", report(a.request, result, errors, times));
}

}  // namespace

void add_command(CLI::App& program, CommandContext& context) {
  const auto a = std::make_shared<RecommendArguments>();
  CLI::App& command =
      *program.add_subcommand("recommend", "Say which setting to use for a length, and what to expect of it");
  a->tokens = command.add_option("--tokens", a->request.tokens, "length N of the sequence");
  a->head_dim = command.add_option("--head-dim", a->request.head_dim, "dimension of a head")->capture_default_str();
  a->heads = command.add_option("--heads", a->request.heads, "attention heads, for the time")->capture_default_str();
  command.add_option("--input", a->input, "captured q, k, v (.safetensors): errors are measured on them");
  command.add_option(
      "--max-error", a->request.max_error,
      fmt::format("largest relative L2 error against dense attention (default {:g}, without a time budget)",
                  recommend::default_max_error));
  command.add_option("--time-budget", a->budget_ms, "milliseconds that one forward pass over all heads may take");
  command.add_option("--backend", a->backend, "implementation of attention that is timed")->capture_default_str();
  command.add_option("--threads", a->threads, "CPU threads; 0 takes every core")->capture_default_str();
  command.add_option("--json", a->json, "also write the result to this file");
  command.callback([a, &context] { run(*a, context); });
}

}  // namespace llsa::compare::recommend

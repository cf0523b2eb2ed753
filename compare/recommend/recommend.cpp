#include "compare/recommend/recommend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compare/approximate/measure.hpp"
#include "compare/key_count.hpp"
#include "compare/markdown_table.hpp"
#include "llsa/error.hpp"

namespace llsa::compare::recommend {
namespace {

constexpr std::int64_t judged_heads = 2, judged_queries = 1024;

ResolvedOptions resolved(const Request& request, const Options& options) {
  const Shape shape{1, 1, request.tokens, request.head_dim};
  return resolve(options, shape, shape, shape);
}

Candidate candidate_for(const Request& request, const std::optional<Setting>& setting, const CostModel& cost) {
  Candidate c{.setting = setting, .options = resolved(request, setting ? setting->options() : Options{.levels = 0})};
  const auto heads = static_cast<double>(request.heads);
  c.keys_per_query = compare::key_count(c.options).keys();
  c.forward_seconds = heads * cost.forward_seconds(c.options);
  c.backward_seconds = heads * cost.backward_seconds(c.options);
  return c;
}

/// A coarsest level of a single token selects nothing, and blocks as long as the sequence save nothing.
bool is_sparse(const ResolvedOptions& options) {
  return options.key.length(options.levels) > 1 &&
         compare::key_count(options).keys() < static_cast<double>(options.key.tokens());
}

std::vector<Candidate> pareto_front(std::vector<Candidate> candidates) {
  std::ranges::stable_sort(candidates, [](const Candidate& a, const Candidate& b) {
    return std::pair(a.forward_seconds, a.expected.error) < std::pair(b.forward_seconds, b.expected.error);
  });
  // Settings that come to the same keys (a level that drops nothing) differ by the rounding of what was measured.
  constexpr double rounding = 1e-6;
  std::vector<Candidate> front;
  for (Candidate& each : candidates)
    if (front.empty() || each.expected.error < (1 - rounding) * front.back().expected.error)
      front.push_back(std::move(each));
  return front;
}

std::string limits_text(const std::optional<double>& error, const std::optional<double>& seconds) {
  const std::string e = error ? fmt::format("an error of at most {:g}", *error) : "";
  const std::string s = seconds ? "at most " + compare::format_seconds(*seconds) : "";
  return e + (error && seconds ? " in " : "") + s;
}

}  // namespace

void validate(const Request& r) {
  const auto require = [](bool right, const char* name, auto value, const char* allowed) {
    if (!right) throw Error(fmt::format("{} is {}; it must be {}", name, value, allowed));
  };
  require(r.tokens >= 1 && r.tokens < (std::int64_t{1} << 31), "tokens", r.tokens, "1 to 2147483647");
  require(r.head_dim >= 1 && r.head_dim <= 4096, "head-dim", r.head_dim, "1 to 4096");
  require(r.heads >= 1 && r.heads <= 4096, "heads", r.heads, "1 to 4096");
  if (r.max_error)
    require(*r.max_error >= 0 && std::isfinite(*r.max_error), "max-error", *r.max_error, "a number of at least 0");
  if (r.time_budget)
    require(*r.time_budget > 0 && std::isfinite(*r.time_budget), "time-budget", 1e3 * *r.time_budget,
            "a number of milliseconds above 0");
}

std::vector<Candidate> expected_candidates(const Request& request, const Measurements& errors, const CostModel& cost) {
  std::vector<Candidate> candidates = {candidate_for(request, std::nullopt, cost)};
  for (const Setting& setting : errors.settings()) {
    Candidate c = candidate_for(request, setting, cost);
    const auto expected = errors.expect(setting, request.tokens);
    if (!is_sparse(c.options) || !expected) continue;
    c.expected = *expected;
    candidates.push_back(std::move(c));
  }
  return candidates;
}

std::vector<Candidate> measured_candidates(const Request& request, const approximate::Input& input,
                                           const std::vector<Setting>& settings, const CostModel& cost,
                                           const std::string& backend, ThreadPool& threads,
                                           const std::function<void(const std::string&)>& progress) {
  std::vector<Candidate> candidates = {candidate_for(request, std::nullopt, cost)};
  progress("dense attention on a sample");
  approximate::Judge judge(approximate::first_heads(input, 1, judged_heads), judged_queries, backend, threads);
  for (const Setting& setting : settings) {
    Candidate c = candidate_for(request, setting, cost);
    if (!is_sparse(c.options)) continue;
    progress(fmt::format("B = {}, L = {}, K = {}, {}", setting.block_size, setting.levels, setting.top_k,
                         name_of(setting.coverage)));
    const approximate::Measurement measured = judge.measure({.how = {.options = setting.options()}});
    c.expected = {.error = measured.relative_l2,
                  .low = measured.relative_l2,
                  .high = measured.relative_l2,
                  .inputs = 1,
                  .shorter = request.tokens,
                  .longer = request.tokens};
    c.keys_per_query = measured.keys_per_query;
    candidates.push_back(std::move(c));
  }
  return candidates;
}

Recommendation recommend(const Request& request, std::vector<Candidate> candidates) {
  Recommendation result{.front = pareto_front(std::move(candidates))};
  const std::vector<Candidate>& front = result.front;
  std::optional<double> error = request.max_error;
  if (!error && !request.time_budget) error = default_max_error;
  const auto keeps_error = [&](const Candidate& c) { return !error || c.expected.error <= *error; };
  const auto keeps_time = [&](const Candidate& c) {
    return !request.time_budget || c.forward_seconds <= *request.time_budget;
  };
  const std::string limits = limits_text(error, request.time_budget);
  const bool all_kept = std::ranges::any_of(front, [&](const Candidate& c) { return keeps_error(c) && keeps_time(c); });
  // Along the front time rises and the error falls: the first within the error is the fastest of these, the last within
  // the time the most exact.
  const auto first_exact = std::ranges::find_if(front, keeps_error) - front.begin();
  const auto in_time = std::ranges::count_if(front, keeps_time);
  if (request.time_budget && (!error || !all_kept)) {
    result.chosen = static_cast<std::size_t>(std::max<std::ptrdiff_t>(in_time - 1, 0));
    if (in_time == 0)
      result.why = fmt::format("Nothing takes {}; this is the fastest.", compare::format_seconds(*request.time_budget));
    else if (!all_kept)
      result.why = fmt::format("Nothing reaches {}; this is the most exact one in that time.", limits);
    else
      result.why = fmt::format("The most exact of the settings that take {}.", limits);
  } else {
    result.chosen = static_cast<std::size_t>(first_exact);
    const bool dense = !front[result.chosen].setting;
    if (dense && front.size() == 1)
      result.why =
          fmt::format("At {} tokens dense attention is no slower than any sparse setting, and exact.", request.tokens);
    else if (dense)
      result.why = fmt::format("No sparse setting reaches {}.", limits);
    else
      result.why = fmt::format("The fastest of the settings with {}{}.", limits,
                               request.max_error ? "" : " (--max-error sets another limit)");
  }
  return result;
}

}  // namespace llsa::compare::recommend

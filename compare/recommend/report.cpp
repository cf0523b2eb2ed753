#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "compare/markdown_table.hpp"
#include "compare/recommend/recommend.hpp"
#include "plot/ticks.hpp"

namespace llsa::compare::recommend {
namespace {

using compare::format_seconds;

std::string name_of_setting(const Candidate& c) {
  if (!c.setting) return "dense attention";
  return fmt::format("L = {}, K = {}, B = {}, Le = {}, {}", c.options.levels, c.setting->top_k, c.setting->block_size,
                     c.options.enrichment_levels, name_of(c.setting->coverage));
}

std::string arguments_of(const Candidate& c) {
  if (!c.setting) return "--levels 0";
  return fmt::format("--block-size {} --levels {} --top-k {} --coverage {}", c.setting->block_size, c.options.levels,
                     c.setting->top_k, name_of(c.setting->coverage));
}

std::string error_text(const Candidate& c) {
  if (!c.setting) return "0";
  const Expectation& e = c.expected;
  return e.low == e.high ? fmt::format("{:.4f}", e.error)
                         : fmt::format("{:.4f} ({:.4f} to {:.4f})", e.error, e.low, e.high);
}

std::string lengths_text(const Request& request, const Expectation& e) {
  const auto count = [](std::int64_t n) { return plot::format_count(n); };
  if (e.shorter != e.longer)
    return fmt::format("{} inputs of {} and {} tokens, between which N lies", e.inputs, count(e.shorter),
                       count(e.longer));
  const std::string at = fmt::format("{} input{} of {} tokens", e.inputs, e.inputs == 1 ? "" : "s", count(e.shorter));
  return e.shorter == request.tokens ? at : at + ", the nearest length that was measured";
}

}  // namespace

std::string report(const Request& request, const Recommendation& r, const std::string& error_source,
                   const std::string& time_source) {
  const Candidate& best = r.front[r.chosen];
  const Candidate& dense = r.front.back();  // the only one with error 0 that none beats
  std::string text = fmt::format("For {} tokens, {} head{} of dimension {}:\n\n  {}\n  {}\n\n",
                                 plot::format_count(request.tokens), request.heads, request.heads == 1 ? "" : "s",
                                 request.head_dim, name_of_setting(best), arguments_of(best));
  text += "why: " + r.why + "\n";
  text += fmt::format("expected error: {}, relative L2 against dense attention", error_text(best));
  if (best.setting) text += "; " + lengths_text(request, best.expected);
  text += fmt::format("\nexpected time: {} forward, {} backward; dense attention {} and {}\n",
                      format_seconds(best.forward_seconds), format_seconds(best.backward_seconds),
                      format_seconds(dense.forward_seconds), format_seconds(dense.backward_seconds));
  text += fmt::format("keys a query: {:.0f} of {}\n\n", best.keys_per_query, plot::format_count(request.tokens));
  text += "Settings that no other beats in both time and error:\n\n";
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < r.front.size(); ++i) {
    const Candidate& c = r.front[i];
    rows.push_back({(i == r.chosen ? "* " : "  ") + name_of_setting(c), fmt::format("{:.0f}", c.keys_per_query),
                    error_text(c), format_seconds(c.forward_seconds), format_seconds(c.backward_seconds)});
  }
  text += compare::markdown_table({"  setting", "keys a query", "error", "forward", "backward"}, rows);
  return text + fmt::format("\nErrors: {}\nTimes: {}\n", error_source, time_source);
}

nlohmann::ordered_json json_of(const Request& request, const Recommendation& r, const std::string& error_source,
                               const std::string& time_source) {
  using Json = nlohmann::ordered_json;
  Json front = Json::array();
  for (const Candidate& c : r.front)
    front.push_back({{"dense", !c.setting},
                     {"levels", c.options.levels},
                     {"top_k", c.options.top_k},
                     {"block_size", c.options.block_size},
                     {"enrichment_levels", c.options.enrichment_levels},
                     {"coverage", std::string(name_of(c.options.coverage))},
                     {"keys_per_query", c.keys_per_query},
                     {"error", c.expected.error},
                     {"error_low", c.expected.low},
                     {"error_high", c.expected.high},
                     {"forward_seconds", c.forward_seconds},
                     {"backward_seconds", c.backward_seconds}});
  return {{"tokens", request.tokens},
          {"head_dim", request.head_dim},
          {"heads", request.heads},
          {"chosen", r.chosen},
          {"why", r.why},
          {"front", std::move(front)},
          {"errors", error_source},
          {"times", time_source}};
}

}  // namespace llsa::compare::recommend

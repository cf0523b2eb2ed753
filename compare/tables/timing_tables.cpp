#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "compare/key_count.hpp"
#include "compare/tables/table.hpp"
#include "llsa/error.hpp"

namespace llsa::compare::tables {
namespace {

constexpr std::int64_t block_size = 16, top_k = 8;

std::vector<std::int64_t> lengths(const Scale& scale) {
  std::vector<std::int64_t> result;
  for (std::int64_t n = scale.shortest_tokens; n <= scale.longest_tokens; n *= 4) result.push_back(n);
  return result;
}

ResolvedOptions resolved(const Scale& scale, const Options& options, std::int64_t tokens) {
  const Shape shape{1, scale.attention_heads, tokens, scale.head_dim};
  return resolve(options, shape, shape, shape);
}

TimingTable attention_time(const Scale& scale) {
  TimingTable table{
      .name = "fig3",
      .title = "Figure 3: time of attention against N",
      .remarks = {"K of VSA and SLA is such that their sparse branch touches as many keys as LLSA with K = 8; "
                  "what the coarse or linear branch adds is part of the time, as in the paper. The paper's "
                  "figure is a plot without numbers in its text."}};
  for (const std::int64_t tokens : lengths(scale)) {
    const Options llsa{.block_size = block_size, .top_k = {top_k}};
    const double keys = compare::key_count(resolved(scale, llsa, tokens)).keys();
    const Options single{
        .block_size = block_size, .levels = 1, .top_k = {compare::matching_top_k(keys, 0, block_size, tokens)}};
    table.cases.push_back({"LLSA", "llsa", llsa, tokens});
    table.cases.push_back({"VSA", "vsa", single, tokens});
    table.cases.push_back({"SLA", "sla", single, tokens});
    if (tokens <= scale.dense_limit) table.cases.push_back({"full", "full", llsa, tokens});
  }
  return table;
}

TimingTable backward_throughput(const Scale& scale) {
  TimingTable table{
      .name = "fig4",
      .title = "Figure 4: backward pass, transposed index against block mask",
      .remarks = {"Both use the same selection and give the same gradients; only how the queries of a key block "
                  "are found differs. The paper's figure is a plot without numbers in its text."},
      .forward = false};
  for (const std::int64_t tokens : lengths(scale)) {
    const Options options{.block_size = block_size, .top_k = {top_k}};
    table.cases.push_back({"index transpose", "llsa", options, tokens});
    table.cases.push_back({"mask", "llsa+mask-backward", options, tokens});
  }
  return table;
}

TimingTable time_of_levels(const Scale& scale) {
  TimingTable table{.name = "4b",
                    .title = "Table 4(b), attention alone: levels at the longest sequence",
                    .remarks = {"K = 8 at every L, as in the paper: fewer levels mean more keys (all coarsest ones)."}};
  for (int levels = 1; levels <= 3; ++levels) {
    const Options options{.block_size = block_size, .levels = levels, .top_k = {top_k}};
    table.cases.push_back({fmt::format("L = {}", levels), "llsa", options, lengths(scale).back()});
  }
  return table;
}

}  // namespace

std::vector<std::string> table_names() { return {"2a", "2b", "2c", "3", "fig3", "fig4", "4a", "4b", "4c", "4d"}; }

std::vector<std::string> requested_tables(std::string_view name) {
  const std::vector<std::string> names = table_names();
  if (name == "all") return names;
  if (std::ranges::find(names, name) == names.end())
    throw Error(fmt::format("table is '{}'; it must be {} or all", name, fmt::join(names, ", ")));
  return {std::string(name)};
}

std::optional<TimingTable> timing_table(std::string_view name, const Scale& scale) {
  if (name == "fig3") return attention_time(scale);
  if (name == "fig4") return backward_throughput(scale);
  if (name == "4b") return time_of_levels(scale);
  return std::nullopt;
}

}  // namespace llsa::compare::tables

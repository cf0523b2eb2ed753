#include "compare/recommend/expectation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "compare/profile/fit.hpp"
#include "llsa/error.hpp"

namespace llsa::compare::recommend {

/// compare/recommend/measurements.json, made a string by CMake.
extern const char* const shipped_measurements;

namespace {

/// Median and range of the errors at one length.
struct AtLength {
  double median, low, high;
  std::int64_t count;
};

AtLength summarise(const std::vector<double>& errors) {
  const auto [low, high] = std::ranges::minmax(errors);
  return {compare::median(errors), low, high, static_cast<std::int64_t>(errors.size())};
}

}  // namespace

Options Setting::options() const {
  return {.block_size = block_size, .levels = levels, .top_k = {top_k}, .coverage = coverage};
}

Measurements::Measurements(std::string_view json, const std::string& name) {
  const nlohmann::json file = nlohmann::json::parse(json, nullptr, false);
  try {
    for (const auto& input : file.at("inputs")) {
      const auto tokens = input.at("key_tokens").get<std::int64_t>();
      const std::size_t before = rows_.size();
      for (const auto& row : input.at("rows")) {
        const auto levels = row.at("levels").get<int>();
        const auto top_k = row.at("top_k").get<std::vector<std::int64_t>>();
        const bool alike = std::ranges::all_of(top_k, [&](std::int64_t k) { return k == top_k.front(); });
        if (row.at("method") != "llsa" || levels < 1 || row.at("enrichment_levels") != levels || !row.at("reweight") ||
            top_k.empty() || !alike)
          continue;
        const Setting setting{.block_size = row.at("block_size").get<std::int64_t>(),
                              .levels = levels,
                              .top_k = top_k.front(),
                              .coverage = coverage_from(row.at("coverage").get<std::string>())};
        rows_.push_back({setting, tokens, row.at("relative_l2").get<double>()});
        if (std::ranges::find(settings_, setting) == settings_.end()) settings_.push_back(setting);
      }
      if (rows_.size() > before)
        sources_.push_back(fmt::format("{} ({} tokens)", input.at("name").get<std::string>(), tokens));
    }
  } catch (const nlohmann::json::exception& problem) {
    throw Error(fmt::format("{}: is not a file of measurements: {}", name, problem.what()));
  }
  if (rows_.empty()) throw Error(name + ": holds no measurement of LLSA with every level enriched");
}

const Measurements& Measurements::shipped() {
  static const Measurements measurements(shipped_measurements, "shipped measurements");
  return measurements;
}

std::optional<Expectation> Measurements::expect(const Setting& setting, std::int64_t tokens) const {
  std::optional<std::int64_t> below, above;
  for (const Row& row : rows_) {
    if (row.setting != setting) continue;
    if (row.tokens <= tokens && (!below || row.tokens > *below)) below = row.tokens;
    if (row.tokens >= tokens && (!above || row.tokens < *above)) above = row.tokens;
  }
  if (!below && !above) return std::nullopt;
  Expectation result{.shorter = below.value_or(above.value_or(0)), .longer = above.value_or(below.value_or(0))};
  const auto at = [&](std::int64_t length) {
    std::vector<double> errors;
    for (const Row& row : rows_)
      if (row.setting == setting && row.tokens == length) errors.push_back(row.error);
    return summarise(errors);
  };
  const AtLength a = at(result.shorter), b = at(result.longer);
  const double share = result.shorter == result.longer
                           ? 0
                           : std::log(static_cast<double>(tokens) / static_cast<double>(result.shorter)) /
                                 std::log(static_cast<double>(result.longer) / static_cast<double>(result.shorter));
  result.error = (1 - share) * a.median + share * b.median;
  result.low = std::min(a.low, b.low);
  result.high = std::max(a.high, b.high);
  result.inputs = result.shorter == result.longer ? a.count : a.count + b.count;
  return result;
}

std::int64_t Measurements::longest() const { return std::ranges::max(rows_, {}, &Row::tokens).tokens; }

}  // namespace llsa::compare::recommend

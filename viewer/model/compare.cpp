#include "viewer/model/compare.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace llsa::viewer {
namespace {

std::vector<std::int32_t> selected_tokens(const QueryView& view, int level) {
  std::vector<std::int32_t> tokens;
  for (const Candidate& c : view.level(level).candidates)
    if (c.rank >= 0) tokens.push_back(c.token);
  std::ranges::sort(tokens);
  return tokens;
}

}  // namespace

std::optional<SelectionOverlap> overlap_of(const QueryView& a, const QueryView& b, int level) {
  if (level < 1 || level > a.head->levels() || level > b.head->levels()) return {};
  if (a.head->options.block_size != b.head->options.block_size) return {};
  if (a.head->options.key.tokens() != b.head->options.key.tokens()) return {};
  if (a.head->head->key_order.to_raster() != b.head->head->key_order.to_raster()) return {};
  const auto of_a = selected_tokens(a, level), of_b = selected_tokens(b, level);
  SelectionOverlap overlap;
  std::ranges::set_intersection(of_a, of_b, std::back_inserter(overlap.both));
  std::ranges::set_difference(of_a, of_b, std::back_inserter(overlap.only_a));
  std::ranges::set_difference(of_b, of_a, std::back_inserter(overlap.only_b));
  return overlap;
}

std::vector<float> weight_difference(const QueryView& a, const QueryView& b) {
  if (a.llsa.size() != b.llsa.size()) return {};
  std::vector<float> difference(a.llsa.size());
  std::ranges::transform(a.llsa, b.llsa, difference.begin(), std::minus<>());
  return difference;
}

namespace {

bool comparable(const HeadResult& a, const HeadResult& b) {
  return a.outputs && b.outputs && a.outputs->output.shape() == b.outputs->output.shape();
}

/// Squared norms of one query's O_A - O_B and O_B, and the gap of its LSE.
struct QueryGap {
  double difference = 0, norm = 0, lse = 0;
};

QueryGap query_gap(const HeadResult& a, const HeadResult& b, std::int64_t cell) {
  const std::int64_t i = a.selection->head->query_position(cell), j = b.selection->head->query_position(cell);
  QueryGap gap;
  for (std::int64_t d = 0; d < a.outputs->output.shape().dim; ++d) {
    const double x = static_cast<double>(a.outputs->output(0, 0, i, d)),
                 y = static_cast<double>(b.outputs->output(0, 0, j, d));
    gap.difference += (x - y) * (x - y);
    gap.norm += y * y;
  }
  gap.lse = std::abs(static_cast<double>(a.outputs->lse(0, 0, i, 0)) - static_cast<double>(b.outputs->lse(0, 0, j, 0)));
  return gap;
}

}  // namespace

std::optional<OutputGap> output_gap(const HeadResult& a, const HeadResult& b) {
  if (!comparable(a, b)) return {};
  double difference = 0, norm = 0;
  OutputGap result;
  for (std::int64_t cell = 0; cell < a.outputs->output.shape().tokens; ++cell) {
    const QueryGap gap = query_gap(a, b, cell);
    difference += gap.difference;
    norm += gap.norm;
    if (!(gap.lse <= result.lse)) result.lse = gap.lse;
  }
  result.relative_l2 = std::sqrt(difference / norm);
  return result;
}

ErrorMap error_map(const HeadResult& result) {
  ErrorMap map;
  if (!result.error) return map;
  const std::vector<float>& errors = result.error->query_error;
  const Head& head = *result.selection->head;
  map.queries = std::ssize(errors);
  map.compared = result.error->queries;
  map.by_cell.resize(errors.size());
  // `measure_error` compares the positions n * N / queries, rounded down.
  for (std::int64_t n = 0; n < map.compared; ++n) {
    const std::int64_t begin = n * map.queries / map.compared, end = (n + 1) * map.queries / map.compared;
    for (std::int64_t i = begin; i < end; ++i)
      map.by_cell[static_cast<std::size_t>(head.query_cell(i))] = errors[static_cast<std::size_t>(begin)];
  }
  if (const auto worst = result.error->worst) {
    map.worst_cell = head.query_cell(*worst);
    map.worst = static_cast<double>(errors[static_cast<std::size_t>(*worst)]);
  }
  return map;
}

ErrorMap gap_map(const HeadResult& a, const HeadResult& b) {
  ErrorMap map;
  if (!comparable(a, b)) return map;
  map.queries = map.compared = a.outputs->output.shape().tokens;
  for (std::int64_t cell = 0; cell < map.queries; ++cell) {
    const QueryGap gap = query_gap(a, b, cell);
    const double error = gap.difference == 0 ? 0.0 : std::sqrt(gap.difference / gap.norm);
    map.by_cell.push_back(static_cast<float>(error));
    if (!map.worst_cell || (!std::isnan(map.worst) && !(error <= map.worst))) {
      map.worst_cell = cell;
      map.worst = error;
    }
  }
  return map;
}

std::vector<float> popularity_by_cell(const HeadSelection& head, int level) {
  const auto& counts = head.popularity[static_cast<std::size_t>(level - 1)];
  const std::int64_t tokens = head.options.key.tokens();
  std::vector<float> values(static_cast<std::size_t>(tokens));
  for (std::int64_t i = 0; i < tokens; ++i)
    values[static_cast<std::size_t>(head.head->key_cell(i))] =
        counts[static_cast<std::size_t>(head.options.key.ancestor(level, i))];
  return values;
}

std::vector<HotKey> hot_keys(const HeadSelection& head, int level, std::size_t limit) {
  const auto& counts = head.popularity[static_cast<std::size_t>(level - 1)];
  std::vector<HotKey> keys;
  for (std::size_t token = 0; token < counts.size(); ++token)
    if (counts[token] > 0) keys.push_back({static_cast<std::int64_t>(token), static_cast<std::int64_t>(counts[token])});
  limit = std::min(limit, keys.size());
  std::partial_sort(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(limit), keys.end(),
                    [](const HotKey& a, const HotKey& b) {
                      return a.queries != b.queries ? a.queries > b.queries : a.token < b.token;
                    });
  keys.resize(limit);
  return keys;
}

}  // namespace llsa::viewer

#include "viewer/model/compare.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "small_problem.hpp"

namespace llsa::viewer {
namespace {

RC_GTEST_PROP(Compare, an_overlap_splits_both_selections, ()) {
  auto p = *small_problems();
  p.settings.how.method = "llsa";
  p.settings.how.options.levels = *rc::gen::inRange(1, 4);
  p.settings.how.options.enrichment_levels.reset();
  auto other = p;
  other.settings.how.options.top_k = {*rc::gen::inRange(1, 6)};
  const std::int64_t position = *rc::gen::inRange<std::int64_t>(0, p.query_grid.size());
  const QueryView a = view_query(select(p), position), b = view_query(select(other), position);
  const int level = *rc::gen::inRange(1, *p.settings.how.options.levels + 1);
  const auto overlap = overlap_of(a, b, level);
  RC_ASSERT(overlap.has_value());
  const auto chosen = [&](const QueryView& v) {
    std::set<std::int32_t> tokens;
    for (const Candidate& c : v.level(level).candidates)
      if (c.rank >= 0) tokens.insert(c.token);
    return tokens;
  };
  std::set<std::int32_t> of_a(overlap->both.begin(), overlap->both.end()), of_b = of_a;
  of_a.insert(overlap->only_a.begin(), overlap->only_a.end());
  of_b.insert(overlap->only_b.begin(), overlap->only_b.end());
  RC_ASSERT(of_a == chosen(a) && of_b == chosen(b));
  for (const std::int32_t token : overlap->only_a) RC_ASSERT(!chosen(b).contains(token));
  for (const std::int32_t token : overlap->only_b) RC_ASSERT(!chosen(a).contains(token));
}

TEST(Compare, selections_of_different_blocks_or_orders_are_not_compared) {
  SmallProblem p, blocks, order;
  p.settings.how.options = blocks.settings.how.options =
      order.settings.how.options = {.block_size = 4, .levels = 1, .top_k = {2}};
  blocks.settings.how.options.block_size = 2;
  order.settings.how.order = "morton";
  const QueryView view = view_query(select(p), 0);
  EXPECT_TRUE(overlap_of(view, view, 1));
  EXPECT_FALSE(overlap_of(view, view, 2));
  EXPECT_FALSE(overlap_of(view, view_query(select(blocks), 0), 1));
  EXPECT_FALSE(overlap_of(view, view_query(select(order), 0), 1));
}

RC_GTEST_PROP(Compare, weights_and_outputs_are_matched_by_cell_whatever_the_order, ()) {
  auto p = *small_problems();
  p.settings.how.method = "llsa";
  p.settings.how.options.levels = 0;
  p.settings.how.options.enrichment_levels.reset();
  auto other = p;
  p.settings.how.order = "raster";
  other.settings.how.order = "hilbert";
  ThreadPool threads(1);
  HeadResult a{select(p), nullptr, nullptr}, b{select(other), nullptr, nullptr};
  RC_ASSERT(!output_gap(a, b));
  a.outputs = std::make_shared<const HeadOutputs>(attend_head(*a.selection, threads));
  b.outputs = std::make_shared<const HeadOutputs>(attend_head(*b.selection, threads));
  const auto gap = output_gap(a, b);
  RC_ASSERT(gap.has_value());
  RC_ASSERT(gap->relative_l2 < 1e-4 || std::isnan(gap->relative_l2));
  RC_ASSERT(gap->lse < 1e-4);
  const std::int64_t cell = *rc::gen::inRange<std::int64_t>(0, p.query_grid.size());
  const auto difference = weight_difference(view_query(a.selection, a.selection->head->query_position(cell)),
                                            view_query(b.selection, b.selection->head->query_position(cell)));
  for (const float d : difference) RC_ASSERT(std::abs(d) < 1e-5f);
}

RC_GTEST_PROP(Compare, hot_keys_are_the_most_popular_first_and_cells_show_their_ancestors_count, ()) {
  auto p = *small_problems();
  p.settings.how.options.levels = *rc::gen::inRange(1, 4);
  p.settings.how.options.enrichment_levels.reset();
  const auto head = select(p);
  const int level = *rc::gen::inRange(1, head->levels() + 1);
  const auto& counts = head->popularity[static_cast<std::size_t>(level - 1)];
  const std::size_t limit = static_cast<std::size_t>(*rc::gen::inRange(1, 12));
  const auto hot = hot_keys(*head, level, limit);
  const auto ever = static_cast<std::size_t>(std::ranges::count_if(counts, [](float c) { return c > 0; }));
  RC_ASSERT(hot.size() == std::min(limit, ever));
  for (std::size_t i = 0; i < hot.size(); ++i) {
    RC_ASSERT(static_cast<float>(hot[i].queries) == counts[static_cast<std::size_t>(hot[i].token)]);
    if (i)
      RC_ASSERT(hot[i - 1].queries > hot[i].queries ||
                (hot[i - 1].queries == hot[i].queries && hot[i - 1].token < hot[i].token));
  }
  if (!hot.empty()) RC_ASSERT(static_cast<float>(hot[0].queries) == *std::ranges::max_element(counts));
  const auto by_cell = popularity_by_cell(*head, level);
  for (std::int64_t j = 0; j < p.key_grid.size(); ++j)
    RC_ASSERT(by_cell[static_cast<std::size_t>(head->head->key_cell(j))] ==
              counts[static_cast<std::size_t>(j / head->options.key.span(level))]);
}

/// Both sides analysed, every query compared.
HeadResult analysed(const SmallProblem& problem) {
  ThreadPool threads(1);
  HeadResult result;
  result.selection = select(problem);
  result.outputs = std::make_shared<const HeadOutputs>(attend_head(*result.selection, threads));
  const std::int64_t queries = result.outputs->lse.shape().tokens;
  result.error = std::make_shared<const HeadError>(measure_error(*result.selection, *result.outputs, queries, threads));
  return result;
}

RC_GTEST_PROP(ErrorMap, has_every_query_at_its_cell_and_names_the_worst, ()) {
  const SmallProblem problem = *small_problems();
  const HeadResult result = analysed(problem);
  const ErrorMap map = error_map(result);
  const Head& head = *result.selection->head;
  RC_ASSERT(map.compared == map.queries);
  RC_ASSERT(map.queries == std::ssize(map.by_cell));
  RC_ASSERT(map.worst_cell.has_value());
  const auto value = [&](std::int64_t cell) { return map.by_cell[static_cast<std::size_t>(cell)]; };
  for (std::int64_t cell = 0; cell < map.queries; ++cell) {
    const float want = result.error->query_error[static_cast<std::size_t>(head.query_position(cell))];
    RC_ASSERT(value(cell) == want || (std::isnan(want) && std::isnan(value(cell))));
    RC_ASSERT(std::isnan(value(*map.worst_cell)) || value(cell) <= value(*map.worst_cell));
  }
}

RC_GTEST_PROP(ErrorMap, of_two_sides_is_nothing_for_equal_ones_and_the_gap_for_others, ()) {
  SmallProblem problem = *small_problems();
  const HeadResult a = analysed(problem);
  const ErrorMap same = gap_map(a, a);
  for (const float gap : same.by_cell) RC_ASSERT(gap == 0.0f || std::isnan(gap));
  problem.settings.how.options.levels = 0;
  problem.settings.how.options.enrichment_levels.reset();
  problem.settings.how.options.top_k = {1};
  problem.settings.how.method = "llsa";
  const HeadResult dense = analysed(problem);
  const ErrorMap gap = gap_map(a, dense), error = error_map(a);
  RC_ASSERT(gap.by_cell.size() == error.by_cell.size());
  for (std::size_t cell = 0; cell < gap.by_cell.size(); ++cell) {
    const auto x = static_cast<double>(gap.by_cell[cell]), y = static_cast<double>(error.by_cell[cell]);
    RC_ASSERT(std::abs(x - y) <= 1e-4 * (1 + y) || std::isnan(y) || std::isinf(y));
  }
}

TEST(ErrorMap, a_sample_stands_for_its_neighbours) {
  SmallProblem problem;
  problem.query_grid = problem.key_grid = Grid{1, 8, 8};
  problem.settings.how.options = {.block_size = 4, .levels = 1, .top_k = {2}};
  ThreadPool threads(1);
  HeadResult result = analysed(problem);
  result.error = std::make_shared<const HeadError>(measure_error(*result.selection, *result.outputs, 5, threads));
  const ErrorMap map = error_map(result);
  EXPECT_EQ(map.compared, 5);
  const Head& head = *result.selection->head;
  for (std::int64_t i = 0; i < 64; ++i) {
    std::int64_t compared = 0;
    while ((compared + 1) * 64 / 5 <= i && compared < 4) ++compared;
    EXPECT_EQ(map.by_cell[static_cast<std::size_t>(head.query_cell(i))],
              result.error->query_error[static_cast<std::size_t>(compared * 64 / 5)])
        << i;
  }
}

}  // namespace
}  // namespace llsa::viewer

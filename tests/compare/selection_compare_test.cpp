// Selections: flips, gaps, ties, lengths and order.
#include "compare/selection_compare.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "compare/problem_cases.hpp"
#include "verify/planted.hpp"

namespace llsa::compare {
namespace {

using namespace verify;

using ::testing::HasSubstr;

struct Selected {
  ResolvedOptions options;
  std::vector<Tensor<double>> query, key;
  Selection selection;
  SelectionComparison compare() const { return compare_selection(selection, query, key, options); }
};

Selected selected(const Problem<double>& p) {
  Selected s{p.resolved(), {}, {}, {}};
  s.query = reference::naive_pool(p.query.view(), s.options.query);
  s.key = reference::naive_pool(p.key.view(), s.options.key);
  s.selection = reference::naive_select(s.query, s.key, s.options);
  return s;
}

/// Scores are exactly 1, 1/2, 1/4 ... times the query, by key block; one head, one level.
Selected halving(std::int64_t top_k) {
  Problem<double> p = make_problem({.name = "",
                                    .query = {1, 1, 40, 1},
                                    .key = {1, 1, 40, 1},
                                    .options = {.block_size = 4, .levels = 1, .top_k = {top_k}}});
  for (std::int64_t t = 0; t < 40; ++t) {
    p.query(0, 0, t, 0) = 2;
    p.key(0, 0, t, 0) = std::ldexp(1.0, static_cast<int>(-(t / 4)));
  }
  return selected(p);
}

RC_GTEST_PROP(SelectionComparison, the_oracles_selection_is_exact, ()) {
  BatteryCase spec{.name = "",
                   .query = {1, 2, *rc::gen::inRange<std::int64_t>(1, 90), 3},
                   .key = {1, 2, *rc::gen::inRange<std::int64_t>(1, 90), 3}};
  spec.options = {.block_size = *rc::gen::inRange<std::int64_t>(2, 6),
                  .levels = *rc::gen::inRange(1, 4),
                  .top_k = {*rc::gen::inRange<std::int64_t>(1, 6)}};
  spec.content = *rc::gen::element(Content::normal, Content::equal_scores, Content::repeated_keys, Content::nan_token,
                                   Content::inf_token);
  const SelectionComparison c = selected(make_problem(spec)).compare();
  RC_ASSERT(c.exact());
  RC_ASSERT(same_tokens(c, 0) && same_order(c, 0));
  RC_ASSERT(explain(c).empty());
}

TEST(SelectionComparison, a_flip_counts_with_its_gap_in_units_of_the_vectors_lengths) {
  Selected s = halving(3);
  s.selection.level(1).row(0, 4)[2] = 3;  // score 1/8 instead of 1/4 (times 2), longest key 1, query 2
  const SelectionComparison c = s.compare();
  EXPECT_EQ(c.lists, 10);
  EXPECT_EQ(c.flips, 1);
  EXPECT_EQ(c.flipped_lists, 1);
  EXPECT_DOUBLE_EQ(c.largest_gap, 0.125);
  EXPECT_TRUE(same_tokens(c, 0.125));
  EXPECT_FALSE(same_tokens(c, 0.1249));
  EXPECT_EQ(c.worst_level, 1);
  EXPECT_EQ(c.worst_token, 4);
  EXPECT_THAT(explain(c), HasSubstr("query token 4 has key token 3 (score 0.25) where 2 (score 0.5) is right"));
}

TEST(SelectionComparison, order_is_judged_apart_from_the_tokens) {
  Selected s = halving(3);
  auto row = s.selection.level(1).row(0, 0);
  std::swap(row[0], row[1]);
  const SelectionComparison c = s.compare();
  EXPECT_EQ(c.flips, 0);
  EXPECT_EQ(c.misordered_lists, 1);
  EXPECT_DOUBLE_EQ(c.largest_order_gap, 0.5);
  EXPECT_TRUE(same_tokens(c, 0));
  EXPECT_FALSE(same_order(c, 0.4));
  EXPECT_FALSE(c.exact());
}

TEST(SelectionComparison, short_lists_have_a_wrong_length) {
  Selected s = halving(3);
  s.selection.level(1).row(0, 9)[2] = -1;
  const SelectionComparison c = s.compare();
  EXPECT_EQ(c.wrong_lengths, 1);
  EXPECT_FALSE(same_tokens(c, 1e9));
  EXPECT_THAT(explain(c), HasSubstr("query token 9 holds 2 tokens where 3 are selected"));
}

TEST(SelectionComparison, exact_ties_must_go_to_the_lower_index_whatever_the_gap) {
  Problem<double> p = make_problem({.name = "",
                                    .query = {1, 1, 40, 1},
                                    .key = {1, 1, 40, 1},
                                    .options = {.block_size = 4, .levels = 1, .top_k = {2}},
                                    .content = Content::equal_scores});
  Selected s = selected(p);
  s.selection.level(1).row(0, 3)[1] = 9;
  SelectionComparison c = s.compare();
  EXPECT_EQ(c.tie_flips, 1);
  EXPECT_EQ(c.largest_gap, 0);
  EXPECT_FALSE(same_tokens(c, 1));
  s = selected(p);
  auto row = s.selection.level(1).row(0, 3);
  std::swap(row[0], row[1]);
  c = s.compare();
  EXPECT_EQ(c.tie_order, 1);
  EXPECT_TRUE(same_tokens(c, 0));
  EXPECT_FALSE(same_order(c, 1));
}

TEST(SelectionComparison, a_flip_is_not_counted_again_at_the_levels_below) {
  const Problem<double> p = ragged_problem();
  Selected s = selected(p);
  // Another parent at level 2, with a selection below it that is right for that parent.
  auto top = s.selection.level(2).row(0, 0);
  const std::int32_t other = top[0] == 5 || top[1] == 5 ? 6 : 5;
  top[1] = other;
  for (std::int64_t t = 0; t < 4; ++t) {
    std::vector<std::int32_t> allowed;
    candidates(s.selection, s.options, 1, 0, t, allowed);
    const auto score = [&](std::int32_t c) {
      double sum = 0;
      for (std::int64_t d = 0; d < 8; ++d) sum += s.query[0](0, 0, t, d) * s.key[0](0, 0, c, d);
      return sum;
    };
    std::sort(allowed.begin(), allowed.end(), [&](std::int32_t a, std::int32_t b) { return score(a) > score(b); });
    std::copy_n(allowed.begin(), 3, s.selection.level(1).row(0, t).begin());
  }
  const SelectionComparison c = s.compare();
  EXPECT_EQ(c.flipped_lists, 1);
  EXPECT_EQ(c.worst_level, 2);
}

TEST(SelectionComparison, nan_ranks_last) {
  Selected s = halving(2);
  s.key[0](0, 0, 0, 0) = NAN;  // what was best is now worst, so every list has one flip of infinite gap
  const SelectionComparison c = s.compare();
  EXPECT_EQ(c.flips, 10);
  EXPECT_TRUE(std::isinf(c.largest_gap));
  EXPECT_FALSE(same_tokens(c, 1e300));
}

}  // namespace
}  // namespace llsa::compare

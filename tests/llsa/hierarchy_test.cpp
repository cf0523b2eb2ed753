#include "llsa/hierarchy.hpp"

#include <limits>

#include "support/check.hpp"

namespace llsa::testing {
namespace {

constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();

/// floor(i / B^l), one level at a time.
std::int64_t brute_ancestor(std::int64_t i, std::int64_t block_size, int level) {
  for (int l = 0; l < level; ++l) i /= block_size;
  return i;
}

/// Every length, range and relation against loops over all tokens.
Verdict equals_brute_force(std::int64_t tokens, std::int64_t block_size, int levels) {
  const Hierarchy hierarchy(tokens, block_size, levels);
  const auto failure = [&](int l) {
    return ::testing::AssertionFailure() << tokens << " tokens, block size " << block_size << ", level " << l << ": ";
  };
  if (hierarchy.tokens() != tokens || hierarchy.block_size() != block_size || hierarchy.levels() != levels)
    return failure(0) << "the arguments are not kept";
  for (int l = 0; l <= levels; ++l) {
    if (hierarchy.length(l) != brute_ancestor(tokens - 1, block_size, l) + 1) return failure(l) << "length";
    std::vector<TokenRange> fine(static_cast<std::size_t>(hierarchy.length(l)), TokenRange{tokens, 0});
    for (std::int64_t i = 0; i < tokens; ++i) {
      const std::int64_t t = brute_ancestor(i, block_size, l);
      if (hierarchy.ancestor(l, i) != t) return failure(l) << "ancestor of " << i;
      TokenRange& range = fine[static_cast<std::size_t>(t)];
      range = {std::min(range.begin, i), i + 1};
    }
    for (std::int64_t t = 0; t < hierarchy.length(l); ++t) {
      if (hierarchy.fine(l, t) != fine[static_cast<std::size_t>(t)]) return failure(l) << "fine tokens of " << t;
      if (hierarchy.count(l, t) != fine[static_cast<std::size_t>(t)].size()) return failure(l) << "count of " << t;
      if (l == 0) continue;
      const TokenRange children = hierarchy.children(l, t);
      for (std::int64_t c = 0; c < hierarchy.length(l - 1); ++c)
        if ((c >= children.begin && c < children.end) != (c / block_size == t))
          return failure(l) << "children of " << t;
      if (children.begin < 0 || children.end > hierarchy.length(l - 1)) return failure(l) << "children of " << t;
    }
  }
  return ::testing::AssertionSuccess();
}

TEST(Hierarchy, of_every_small_length_and_block_size_equals_brute_force) {
  for (std::int64_t tokens = 1; tokens <= 70; ++tokens)
    for (std::int64_t block_size = 2; block_size <= 9; ++block_size)
      ASSERT_TRUE(equals_brute_force(tokens, block_size, 7));
}

TEST(Hierarchy, lengths_counts_and_relations_equal_brute_force) {
  check("hierarchy arithmetic equals brute force", [] {
    const auto tokens = *rc::gen::inRange<std::int64_t>(1, 700);
    const auto block_size = *rc::gen::oneOf(rc::gen::inRange<std::int64_t>(2, 40),
                                            rc::gen::element<std::int64_t>(2, 3, 4, 699, 700, 1000, huge / 2, huge));
    require(equals_brute_force(tokens, block_size, *rc::gen::inRange(0, 12)));
  });
}

TEST(Hierarchy, spans_saturate_instead_of_overflowing) {
  const Hierarchy deep((std::int64_t{1} << 31) - 1, 1 << 16, 62);
  EXPECT_EQ(deep.length(1), 1 << 15);
  EXPECT_EQ(deep.length(2), 1);
  for (int l = 2; l <= 62; ++l) {
    EXPECT_EQ(deep.length(l), 1);
    EXPECT_GE(deep.span(l), deep.tokens());
    EXPECT_EQ(deep.count(l, 0), deep.tokens());
    EXPECT_EQ(deep.ancestor(l, deep.tokens() - 1), 0);
  }
  const Hierarchy enormous(huge, 2, 64);
  EXPECT_EQ(enormous.length(62), 2);
  EXPECT_EQ(enormous.length(63), 1);
  EXPECT_EQ(enormous.count(62, 1), huge - (std::int64_t{1} << 62));
  EXPECT_EQ(enormous.count(64, 0), huge);
  const Hierarchy one_block(5, huge, 3);
  EXPECT_EQ(one_block.count(3, 0), 5);
  EXPECT_EQ(one_block.children(1, 0), (TokenRange{0, 5}));
}

TEST(Hierarchy, a_span_is_a_power_of_the_block_size_while_it_is_shorter_than_the_sequence) {
  const Hierarchy hierarchy(1000, 10, 5);
  EXPECT_EQ(hierarchy.span(0), 1);
  EXPECT_EQ(hierarchy.span(1), 10);
  EXPECT_EQ(hierarchy.span(2), 100);
  EXPECT_EQ(hierarchy.span(3), 1000);
  EXPECT_EQ(hierarchy.span(4), 1000);
}

TEST(Hierarchy, a_default_one_is_a_single_token) {
  EXPECT_EQ(Hierarchy().tokens(), 1);
  EXPECT_EQ(Hierarchy().levels(), 0);
}

TEST(Hierarchy, impossible_arguments_are_named) {
  expect_error("tokens is 0; it must be at least 1", [] { Hierarchy(0, 2, 1); });
  expect_error("tokens is -7; it must be at least 1", [] { Hierarchy(-7, 2, 1); });
  expect_error("block_size is 1; it must be at least 2", [] { Hierarchy(5, 1, 1); });
  expect_error("levels is -1; it must be at least 0", [] { Hierarchy(5, 2, -1); });
  expect_error("block_size is 0; it must be at least 2", [] { automatic_levels(100, 0); });
}

TEST(AutomaticLevels, are_the_papers_at_its_lengths) {
  for (const auto& [tokens, levels] : std::vector<std::pair<std::int64_t, int>>{{64, 0},
                                                                                {256, 0},
                                                                                {1008, 0},
                                                                                {1009, 1},
                                                                                {1024, 1},
                                                                                {4096, 1},
                                                                                {16384, 2},
                                                                                {65536, 2},
                                                                                {262144, 3},
                                                                                {1048576, 3}})
    EXPECT_EQ(automatic_levels(tokens, 16), levels) << tokens << " tokens";
}

TEST(AutomaticLevels, keep_at_least_64_coarse_tokens_and_are_the_most_that_do) {
  check("automatic levels are the most that keep 64 tokens", [] {
    const auto tokens =
        *rc::gen::oneOf(rc::gen::inRange<std::int64_t>(1, 3000), rc::gen::inRange<std::int64_t>(1, huge));
    const auto block_size = *rc::gen::inRange<std::int64_t>(2, 100);
    const int levels = automatic_levels(tokens, block_size);
    RC_ASSERT(levels == 0 || Hierarchy(tokens, block_size, levels).length(levels) >= 64);
    RC_ASSERT(Hierarchy(tokens, block_size, levels + 1).length(levels + 1) < 64);
  });
}

}  // namespace
}  // namespace llsa::testing

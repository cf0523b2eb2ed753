#include "llsa/selection.hpp"

#include <algorithm>

#include "support/case.hpp"
#include "support/check.hpp"
#include "support/selections.hpp"

namespace llsa::testing {
namespace {

/// 20 keys, 10 queries, B = 3, two levels: 7 and 3 key tokens, 4 and 2 query tokens.
const Shape query{1, 2, 10, 4}, key{1, 2, 20, 4};
ResolvedOptions two_levels(std::vector<std::int64_t> top_k) {
  return resolve({.block_size = 3, .levels = 2, .top_k = std::move(top_k)}, query, key, key);
}

Selection valid_selection() {
  Selection selection(2, two_levels({2, 2}));
  for (std::int64_t head = 0; head < 2; ++head) {
    for (std::int64_t t = 0; t < 2; ++t) std::ranges::copy(std::vector{2, 0}, selection.level(2).row(head, t).begin());
    for (std::int64_t t = 0; t < 4; ++t) std::ranges::copy(std::vector{6, 1}, selection.level(1).row(head, t).begin());
  }
  return selection;
}

TEST(Selection, starts_empty_with_room_for_the_most_candidates_a_query_can_have) {
  const Selection selection(2, two_levels({100, 2}));
  EXPECT_EQ(selection.levels(), 2);
  EXPECT_EQ(selection.level(2).width, 2);
  EXPECT_EQ(selection.level(1).width, 6);  // children of two parents
  EXPECT_EQ(selection.level(1).queries, 4);
  EXPECT_EQ(selection.level(2).queries, 2);
  EXPECT_EQ(selection.level(1).heads, 2);
  EXPECT_TRUE(std::ranges::all_of(selection.level(1).indices, [](auto i) { return i == -1; }));
  EXPECT_TRUE(selection.list(1, 1, 3).empty());
  EXPECT_EQ(Selection(2, two_levels({3, 100})).level(2).width, 3);    // all there are
  EXPECT_EQ(Selection(2, two_levels({100, 100})).level(1).width, 7);  // all there are
}

TEST(Selection, width_holds_every_query_of_any_case) {
  check("no list needs more than the width, and some shape fills it", [] {
    const Case c = *cases();
    const ResolvedOptions options = c.resolved();
    const Selection selection = random_selection(options, c.batch * c.heads, c.seed);
    validate(selection, options, c.batch * c.heads);
    std::vector<std::int32_t> allowed;
    for (int l = 1; l <= options.levels; ++l) {
      RC_ASSERT(selection.level(l).width <= options.k(l));
      RC_ASSERT(selection.level(l).width <= options.key.length(l));
      for (std::int64_t t = 0; t < options.query.length(l); ++t) {
        candidates(selection, options, l, 0, t, allowed);
        RC_ASSERT(std::min(options.k(l), static_cast<std::int64_t>(allowed.size())) <= selection.level(l).width);
      }
    }
  });
}

TEST(Selection, a_list_ends_at_the_first_padding) {
  LevelSelection lists{1, 2, 3, {4, 2, -1, -1, -1, -1}};
  EXPECT_TRUE(std::ranges::equal(lists.list(0, 0), std::vector{4, 2}));
  EXPECT_TRUE(lists.list(0, 1).empty());
}

TEST(Selection, candidates_are_the_children_of_what_the_parent_selected_in_its_order) {
  const Selection selection = valid_selection();
  std::vector<std::int32_t> found{99};
  candidates(selection, two_levels({2, 2}), 2, 0, 1, found);
  EXPECT_EQ(found, (std::vector{0, 1, 2}));
  candidates(selection, two_levels({2, 2}), 1, 1, 3, found);
  EXPECT_EQ(found, (std::vector{6, 0, 1, 2}));  // token 2 of level 2 has one child
}

TEST(Selection, candidates_follow_the_head_and_the_parent) {
  check("candidates equal brute force over all tokens", [] {
    const Case c = *cases();
    const ResolvedOptions options = c.resolved();
    const Selection selection = random_selection(options, c.batch * c.heads, c.seed);
    std::vector<std::int32_t> found;
    for (int l = 1; l <= options.levels; ++l)
      for (std::int64_t head = 0; head < c.batch * c.heads; ++head)
        for (std::int64_t t = 0; t < options.query.length(l); ++t) {
          candidates(selection, options, l, head, t, found);
          std::vector<std::int32_t> expected;
          for (std::int32_t token = 0; token < options.key.length(l); ++token) {
            if (l < options.levels) {
              const auto parents = selection.list(l + 1, head, t / options.block_size);
              if (std::ranges::find(parents, token / options.block_size) == parents.end()) continue;
            }
            expected.push_back(token);
          }
          std::ranges::sort(found);
          RC_ASSERT(found == expected);
        }
  });
}

TEST(Selection, one_that_belongs_to_the_problem_is_accepted) {
  validate(valid_selection(), two_levels({2, 2}), 2);
  Selection shorter = valid_selection();
  shorter.level(1).row(1, 2)[1] = -1;
  validate(shorter, two_levels({2, 2}), 2);
  validate(Selection(), resolve({.levels = 0}, query, key, key), 2);
}

TEST(Selection, each_way_not_to_belong_is_named) {
  const ResolvedOptions options = two_levels({2, 2});
  const auto rejected = [&](const std::string& message, auto&& spoil) {
    Selection selection = valid_selection();
    spoil(selection);
    expect_error(message, [&] { validate(selection, options, 2); });
  };
  const std::string place = "selection of level 1, head 1, query token 2: ";
  rejected(place + "the list is empty; at least one key token must be selected",
           [](Selection& s) { s.level(1).row(1, 2)[0] = s.level(1).row(1, 2)[1] = -1; });
  rejected(place + "index 1 is listed twice", [](Selection& s) { s.level(1).row(1, 2)[0] = 1; });
  const std::string range = " is not a candidate (0 to 6, below a key token that the parent selected)";
  rejected(place + "index 7" + range, [](Selection& s) { s.level(1).row(1, 2)[0] = 7; });
  rejected(place + "index 4" + range,
           [](Selection& s) { s.level(1).row(1, 2)[1] = 4; });  // exists, but not below 2 or 0
  rejected(place + "index -1" + range, [](Selection& s) { s.level(1).row(1, 2)[0] = -1; });
  rejected(
      "selection of level 2, head 0, query token 1: index 3 is not a candidate (0 to 2, below a key token that the "
      "parent selected)",
      [](Selection& s) { s.level(2).row(0, 1)[0] = 3; });
  rejected("selection of level 1 is [2, 4, 0]; it must be [2, 4, 1 or more]", [](Selection& s) {
    s.level(1).width = 0;
    s.level(1).indices.clear();
  });
  rejected("selection of level 2 is [1, 2, 2]; it must be [2, 2, 1 or more]",
           [](Selection& s) { s.level(2).heads = 1; });
  rejected("selection of level 1 is [2, 5, 2]; it must be [2, 4, 1 or more]",
           [](Selection& s) { s.level(1).queries = 5; });
  rejected("selection of level 1 is [2, 4, 2]; it must be [2, 4, 1 or more]",
           [](Selection& s) { s.level(1).indices.pop_back(); });
  expect_error("selection has 0 levels; the options ask for 2", [&] { validate(Selection(), options, 2); });
}

TEST(Selection, a_list_ends_with_minus_one_and_duplicates_are_found_wherever_they_stand) {
  const ResolvedOptions options = resolve({.block_size = 4, .levels = 1, .top_k = {4}}, query, key, key);
  Selection selection(2, options);
  const auto fill = [&](std::vector<std::int32_t> row) {
    for (std::int64_t head = 0; head < 2; ++head)
      for (std::int64_t t = 0; t < selection.level(1).queries; ++t)
        std::ranges::copy(row, selection.level(1).row(head, t).begin());
  };
  ASSERT_EQ(selection.level(1).width, 4);
  fill({4, 2, 0, -1});
  validate(selection, options, 2);
  const std::string place = "selection of level 1, head 0, query token 0: ";
  fill({4, 2, 0, -2});
  expect_error(place + "index -2 follows -1, which ends a list", [&] { validate(selection, options, 2); });
  fill({4, 2, 0, 4});
  expect_error(place + "index 4 is listed twice", [&] { validate(selection, options, 2); });
}

}  // namespace
}  // namespace llsa::testing

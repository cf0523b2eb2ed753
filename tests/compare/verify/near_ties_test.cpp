// Which lists rounding allows.
#include "compare/verify/near_ties.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace llsa::compare::verify {
namespace {

using List = std::vector<std::int32_t>;
using ::testing::ElementsAre;

/// In an order that no test depends on.
template <class T>
std::vector<T> sorted(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values;
}

const std::vector<ScoredToken> scores{{0, 5}, {1, 3}, {2, 3.01}, {3, 2.99}, {4, 1}};

TEST(NearTies, hold_the_definitions_list_alone_when_nothing_is_near) {
  const NearTies ties = near_tied_lists(scores, 2, 0.001, 100);
  EXPECT_TRUE(ties.complete);
  EXPECT_THAT(ties.lists, ElementsAre(List{0, 2}));
}

TEST(NearTies, hold_every_list_within_the_gap_the_definitions_first) {
  const NearTies ties = near_tied_lists(scores, 2, 0.015, 100);
  EXPECT_THAT(ties.lists, ElementsAre(List{0, 2}, List{0, 1})) << "token 3 is 0.02 below token 2";
  EXPECT_THAT(sorted(near_tied_lists(scores, 3, 0.05, 100).lists),
              ElementsAre(List{0, 1, 3}, List{0, 2, 1}, List{0, 2, 3}));
  EXPECT_THAT(near_tied_lists(scores, 1, 0.05, 100).lists, ElementsAre(List{0}));
}

TEST(NearTies, give_exact_ties_to_the_lower_index) {
  const std::vector<ScoredToken> equal{{7, 1}, {3, 1}, {5, 1}, {1, 0.99}};
  EXPECT_THAT(near_tied_lists(equal, 2, 0, 100).lists, ElementsAre(List{3, 5}));
  EXPECT_THAT(sorted(near_tied_lists(equal, 2, 0.1, 100).lists), ElementsAre(List{3, 1}, List{3, 5}));
}

TEST(NearTies, say_when_there_are_more_than_asked) {
  std::vector<ScoredToken> many;
  for (std::int32_t n = 0; n < 20; ++n) many.push_back({n, 1 + n * 1e-6});
  const NearTies ties = near_tied_lists(many, 10, 1e-3, 64);
  EXPECT_FALSE(ties.complete);
  EXPECT_EQ(ties.lists.size(), 64u);
}

TEST(NearTies, take_all_candidates_when_there_are_no_more) {
  EXPECT_THAT(near_tied_lists(scores, 9, 10, 100).lists, ElementsAre(List{0, 2, 1, 3, 4}));
}

TEST(NearTies, rank_not_a_number_last) {
  const std::vector<ScoredToken> odd{{0, std::nan("")}, {1, -2}, {2, 4}};
  EXPECT_THAT(near_tied_lists(odd, 2, 0.1, 100).lists, ElementsAre(List{2, 1}));
}

TEST(PossibleLists, hold_what_every_and_what_any_selection_holds) {
  const PossibleList list = possible_list(scores, 2, 0.015);
  EXPECT_THAT(list.certain, ElementsAre(0));
  EXPECT_THAT(sorted(list.possible), ElementsAre(0, 1, 2));
}

TEST(PossibleLists, doubt_what_may_be_no_candidate) {
  std::vector<ScoredToken> some = scores;
  some[0].certain = false;  // its parent may not be selected: then 2 and 1 are
  const PossibleList list = possible_list(some, 2, 0.001);
  EXPECT_THAT(list.certain, ElementsAre(2));
  EXPECT_THAT(sorted(list.possible), ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace llsa::compare::verify

// Errors that all lean one way are no rounding, however small.
#include "compare/verify/leaning.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "compare/random.hpp"

namespace llsa::compare::verify {
namespace {

using ::testing::HasSubstr;

/// Normal numbers, 2 heads of 200 tokens.
Tensor<double> numbers(std::int64_t dim, std::uint64_t seed) {
  Tensor<double> result({1, 2, 200, dim});
  Random random(seed);
  for (double& x : result.flat()) x = random.normal();
  return result;
}

class FindLeanings : public ::testing::Test {
 protected:
  FindLeanings() {
    Random random(3);
    for (double& x : got.flat()) x += options.tolerance.relative_l2 * random.normal();
  }
  std::vector<Leaning> leanings() const { return find_leanings(got.view(), want.view(), options); }

  LeaningOptions options{.tolerance = {.relative_l2 = 1e-2}, .block_size = 4};
  Tensor<double> want = numbers(16, 1), got = want;
};

TEST_F(FindLeanings, accepts_unbiased_errors_of_the_size_allowed) { EXPECT_TRUE(leanings().empty()); }

TEST_F(FindLeanings, names_a_head_that_is_too_large) {
  for (std::int64_t t = 0; t < 200; ++t)
    for (std::int64_t d = 0; d < 16; ++d) got(0, 1, t, d) *= 1.015;
  ASSERT_FALSE(leanings().empty());
  EXPECT_THAT(leanings().front().text(), HasSubstr("head 1 is 1.0"));
  EXPECT_TRUE(leanings().front().gain);
}

TEST_F(FindLeanings, names_a_mean_that_is_off) {
  for (double& x : got.flat()) x += 0.02;
  ASSERT_FALSE(leanings().empty());
  EXPECT_FALSE(leanings().front().gain);
  EXPECT_THAT(leanings().front().text(), HasSubstr("their mean over head"));
}

TEST_F(FindLeanings, names_the_place_in_the_block_and_the_last_block) {
  for (std::int64_t t = 2; t < 200; t += 4)
    for (std::int64_t d = 0; d < 16; ++d) got(0, 0, t, d) += 0.02, got(0, 1, t, d) += 0.02;
  const auto found = leanings();
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(std::ranges::count_if(found, [](const Leaning& l) { return l.group == "place 2 of every block"; }), 1);
  got = want;
  for (std::int64_t t = 196; t < 200; ++t)
    for (std::int64_t d = 0; d < 16; ++d) got(0, 0, t, d) -= 0.05, got(0, 1, t, d) -= 0.05;
  ASSERT_EQ(leanings().size(), 1u);
  EXPECT_EQ(leanings().front().group, "the last block");
}

TEST_F(FindLeanings, leaves_out_rows_that_are_not_asked) {
  for (std::int64_t d = 0; d < 16; ++d) got(0, 0, 7, d) = 1e6;
  EXPECT_FALSE(leanings().empty());
  options.rows.assign(400, 1);
  options.rows[7] = 0;
  EXPECT_TRUE(leanings().empty());
}

TEST_F(FindLeanings, takes_the_limit_of_an_absolute_quantity_as_it_is) {
  want = numbers(1, 5);
  for (double& x : want.flat()) x *= 100;
  got = want;
  for (double& x : got.flat()) x += 0.02;
  options.absolute = true;
  EXPECT_FALSE(leanings().empty());
  for (double& x : got.flat()) x -= 0.0199;
  EXPECT_TRUE(leanings().empty());
}

}  // namespace
}  // namespace llsa::compare::verify

#include "reference/one_query.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace llsa::reference {
namespace {

TEST(OneQuery, shares_are_those_of_the_softmax_and_its_logarithm_is_returned) {
  std::vector<double> scores = {1.5, -2, 700, 699};  // exp(700) alone is near the end of double
  const double lse = softmax(scores);
  EXPECT_NEAR(lse, 700 + std::log1p(std::exp(-1.0)), 1e-12);
  EXPECT_NEAR(scores[2], 1 / (1 + std::exp(-1.0)), 1e-12);
  EXPECT_NEAR(scores[3] / scores[2], std::exp(-1.0), 1e-12);
  EXPECT_NEAR(std::accumulate(scores.begin(), scores.end(), 0.0), 1, 1e-12);
  std::vector<double> broken = {0, std::numeric_limits<double>::quiet_NaN(), 1};
  EXPECT_TRUE(std::isnan(softmax(broken)));
  for (const double share : broken) EXPECT_TRUE(std::isnan(share));
}

TEST(OneQuery, a_share_is_spread_evenly_over_the_cells_of_its_tokens_the_ragged_tail_included) {
  const Hierarchy keys(10, 4, 1);  // level 1: four tokens, four, two
  std::vector<std::int64_t> cell_of(10);
  for (std::size_t t = 0; t < 10; ++t) cell_of[t] = static_cast<std::int64_t>(9 - t);
  std::vector<double> cells(10, 1);
  spread(keys, 1, 2, 0.5, cell_of, cells);
  spread(keys, 0, 3, 2, cell_of, cells);
  EXPECT_EQ(cells, (std::vector<double>{1.25, 1.25, 1, 1, 1, 1, 3, 1, 1, 1}));
}

}  // namespace
}  // namespace llsa::reference

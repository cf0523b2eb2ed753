#include "compare/profile/fit.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

namespace llsa::compare::profile {
namespace {

std::vector<CostPoint> power_law(double factor, double exponent, std::vector<double> lengths) {
  std::vector<CostPoint> curve;
  for (const double n : lengths) curve.push_back({n, factor * std::pow(n, exponent)});
  return curve;
}

TEST(ProfileFit, quartiles_interpolate_and_the_order_of_samples_does_not_matter) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(median({7}), 7);
  const Quartiles q = quartiles({5, 1, 4, 2, 3});
  EXPECT_EQ(q.low, 2);
  EXPECT_EQ(q.median, 3);
  EXPECT_EQ(q.high, 4);
  EXPECT_EQ(quartiles({1, 2}).low, 1.25);
}

RC_GTEST_PROP(ProfileFit, the_exponent_of_a_power_law_is_found, ()) {
  const double exponent = *rc::gen::inRange(-300, 300) / 100.0;
  std::vector<double> lengths;
  for (const int length : *rc::gen::suchThat(rc::gen::unique<std::vector<int>>(rc::gen::inRange(1, 100000)),
                                             [](const auto& v) { return v.size() >= 2; }))
    lengths.push_back(length);
  const auto fitted = fitted_exponent(power_law(1e-6, exponent, lengths));
  RC_ASSERT(fitted.has_value());
  RC_ASSERT(std::abs(*fitted - exponent) < 1e-6);
}

TEST(ProfileFit, one_length_has_no_exponent) {
  EXPECT_FALSE(fitted_exponent({}));
  EXPECT_FALSE(fitted_exponent({{64, 1}}));
  EXPECT_FALSE(fitted_exponent({{64, 1}, {64, 2}}));
}

TEST(ProfileFit, the_crossover_of_two_power_laws_is_where_they_meet) {
  const std::vector<double> lengths{256, 1024, 4096, 16384};
  const Crossover found = crossover(power_law(2000, 1, lengths), power_law(1, 2, lengths));
  ASSERT_EQ(found.kind, Crossover::Kind::between);
  EXPECT_NEAR(found.tokens, 2000, 1e-6);
}

TEST(ProfileFit, a_crossover_outside_the_lengths_is_said_so) {
  const std::vector<double> lengths{256, 1024};
  EXPECT_EQ(crossover(power_law(1, 1, lengths), power_law(1, 2, lengths)).kind, Crossover::Kind::always_faster);
  EXPECT_EQ(crossover(power_law(5000, 1, lengths), power_law(1, 2, lengths)).kind, Crossover::Kind::never_faster);
  EXPECT_EQ(crossover(power_law(1, 1, lengths), {}).kind, Crossover::Kind::unknown);
  EXPECT_EQ(crossover(power_law(1, 1, {64, 128}), power_law(1, 2, {256})).kind, Crossover::Kind::unknown);
}

TEST(ProfileFit, the_last_crossover_counts_when_curves_cross_more_than_once) {
  const std::vector<CostPoint> llsa{{100, 1}, {200, 3}, {400, 1}}, dense{{100, 2}, {200, 2}, {400, 2}, {800, 2}};
  const Crossover found = crossover(llsa, dense);
  ASSERT_EQ(found.kind, Crossover::Kind::between);
  EXPECT_GT(found.tokens, 200);
  EXPECT_LT(found.tokens, 400);
}

}  // namespace
}  // namespace llsa::compare::profile

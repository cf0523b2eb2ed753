// Least squares over parts, and what the coefficients are called.
#include "compare/verify/decompose.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <random>

namespace llsa::compare::verify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<double> noise(std::size_t size, unsigned seed, double deviation = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<double> normal(0, deviation);
  std::vector<double> values(size);
  for (double& x : values) x = normal(engine);
  return values;
}

Part part(int level, std::vector<double> values, double count = 1, Term term = Term::whole, bool tail = false) {
  return {level, tail, count, term, std::move(values)};
}

std::vector<double> combined(const std::vector<Part>& parts, const std::vector<double>& factors) {
  std::vector<double> sum(parts.front().values.size());
  for (std::size_t k = 0; k < parts.size(); ++k)
    for (std::size_t n = 0; n < sum.size(); ++n) sum[n] += factors[k] * parts[k].values[n];
  return sum;
}

const ResolvedOptions options{.block_size = 4, .levels = 2, .top_k = {2, 2}, .enrichment_levels = 2, .scale = 0.25};

RC_GTEST_PROP(Decompose, finds_the_factors_of_independent_parts, ()) {
  const auto numbers = *rc::gen::container<std::vector<int>>(3, rc::gen::inRange(-40, 41));
  const std::vector<Part> parts{part(0, noise(200, 1)), part(1, noise(200, 2, 1e-3)), part(2, noise(200, 3, 1e2))};
  const std::vector<double> factors{numbers[0] / 10.0, numbers[1] / 10.0, numbers[2] / 10.0};
  const Decomposition d = decompose(parts, combined(parts, factors));
  for (std::size_t k = 0; k < 3; ++k) {
    RC_ASSERT(std::abs(d.coefficients[k].value - factors[k]) < 1e-6);
    RC_ASSERT(d.coefficients[k].known());
  }
  RC_ASSERT(d.residual < 1e-6);
}

TEST(Decompose, leaves_collinear_parts_at_one_and_says_that_it_cannot_tell) {
  const std::vector<double> same = noise(100, 1);
  const std::vector<Part> parts{part(0, noise(100, 2)), part(1, same), part(2, same)};
  const Decomposition right = decompose(parts, combined(parts, {1, 1, 1}));
  for (const Coefficient& c : right.coefficients) EXPECT_NEAR(c.value, 1, 1e-9);
  EXPECT_TRUE(right.coefficients[0].known());
  EXPECT_FALSE(right.coefficients[1].known());
  EXPECT_FALSE(right.coefficients[2].known());
  const Decomposition half = decompose(parts, combined(parts, {0.5, 1, 1}));
  EXPECT_NEAR(half.coefficients[0].value, 0.5, 1e-9);
  EXPECT_LT(half.residual, 1e-8);
  EXPECT_THAT(read(half, "dV", options).equation, HasSubstr("dV = 0.50 fine + ? level 1 + ? level 2"));
}

TEST(Decompose, says_nothing_about_a_part_that_is_zero) {
  const std::vector<Part> parts{part(0, noise(50, 1)), part(1, std::vector<double>(50, 0.0))};
  const Decomposition d = decompose(parts, combined(parts, {2, 1}));
  EXPECT_NEAR(d.coefficients[0].value, 2, 1e-12);
  EXPECT_EQ(d.coefficients[1].value, 1);
  EXPECT_FALSE(d.coefficients[1].known());
}

TEST(Decompose, errors_come_from_the_noise) {
  const std::vector<Part> parts{part(0, noise(1000, 1)), part(1, noise(1000, 2, 0.01))};
  std::vector<double> target = combined(parts, {1, 1});
  const std::vector<double> rounding = noise(1000, 3, 0.01);
  for (std::size_t n = 0; n < target.size(); ++n) target[n] += rounding[n];
  const Decomposition d = decompose(parts, target);
  EXPECT_NEAR(d.residual, 0.01, 0.002);
  EXPECT_NEAR(d.coefficients[0].error, 0.01 / std::sqrt(1000.0), 1e-4);
  EXPECT_NEAR(d.coefficients[1].error, 1 / std::sqrt(1000.0), 1e-2);
  EXPECT_THAT(read(d, "dV", options).errors, ElementsAre());
}

TEST(Decompose, leaves_out_what_is_not_finite) {
  const std::vector<Part> parts{part(0, noise(100, 1)), part(1, noise(100, 2))};
  std::vector<double> target = combined(parts, {1, 0});
  target[7] = NAN;
  target[8] = INFINITY;
  EXPECT_NEAR(decompose(parts, target).coefficients[1].value, 0, 1e-9);
}

TEST(Decompose, what_the_parts_do_not_explain_is_the_residual) {
  const std::vector<Part> parts{part(0, noise(4000, 1))};
  EXPECT_NEAR(decompose(parts, noise(4000, 9, 0.5)).residual, 0.5, 0.05);
}

std::vector<std::string> errors(const std::vector<double>& factors, const std::string& name = "dV") {
  const std::vector<Part> parts{part(0, noise(300, 1)), part(1, noise(300, 2), 4),
                                part(1, noise(300, 4), 3, Term::whole, true), part(2, noise(300, 3), 16)};
  return read(decompose(parts, combined(parts, factors)), name, options).errors;
}

TEST(Reading, names_each_kind_of_factor) {
  EXPECT_THAT(errors({1, 1, 1, 1}), ElementsAre());
  EXPECT_THAT(errors({1, 1, 1, 1.0 / 16}),
              ElementsAre("the weight of level 2 is missing from its gradient (or it is divided by the count twice)"));
  EXPECT_THAT(errors({1, 1, 1, 16}),
              ElementsAre("level 2 is not divided by its tokens' count when it is unpooled (or is weighted twice)"));
  EXPECT_THAT(errors({1, 1, 1, 4}), ElementsAre("level 2 is divided by B instead of B^2 when it is unpooled"));
  EXPECT_THAT(errors({0, 1, 1, 1}), ElementsAre("the part of dV through the fine keys is missing"));
  EXPECT_THAT(errors({1, 1, 1, 2}), ElementsAre("the part of dV through level 2 is counted twice"));
  EXPECT_THAT(errors({1, 1, 1, -1}), ElementsAre("the part of dV through level 2 has the wrong sign"));
  EXPECT_THAT(errors({1, 1, 1, 0.7}), ElementsAre("the part of dV through level 2 has the factor 0.70"));
  EXPECT_THAT(errors({0, 0, 0, 0}), ElementsAre("dV is zero"));
  EXPECT_THAT(errors({3, 3, 3, 3}), ElementsAre("dV is 3.00 times the right gradient"));
  EXPECT_THAT(errors({-1, -1, -1, -1}), ElementsAre("dV has the wrong sign"));
}

TEST(Reading, tells_the_ragged_tail_apart) {
  EXPECT_THAT(errors({1, 0.25, 1.0 / 3, 1}),
              ElementsAre("the weight of level 1 is missing from its gradient (or it is divided by the count twice)"));
  EXPECT_THAT(errors({1, 1, 0.75, 1}),
              ElementsAre("wrong count at level 1's ragged tail: divided by the full block of 4 tokens instead of 3"));
  EXPECT_THAT(errors({1, 1, 4.0 / 3, 1}),
              ElementsAre("wrong count at level 1's ragged tail: weighs a full block of 4 tokens instead of 3"));
  EXPECT_THAT(errors({1, 1, 0, 1}), ElementsAre("the part of dV through level 1's ragged tail is missing"));
}

TEST(Reading, scale_is_named_for_scores_only) {
  EXPECT_THAT(errors({4, 4, 4, 4}, "dK"), ElementsAre("the scale is missing from dK"));
  EXPECT_THAT(errors({0.25, 0.25, 0.25, 0.25}, "dQ"), ElementsAre("the scale is applied twice in dQ"));
  EXPECT_THAT(errors({4, 4, 4, 4}, "dV"), ElementsAre("dV is 4.00 times the right gradient"));
}

TEST(Reading, terms_that_do_not_factor_are_listed) {
  const std::vector<Part> parts{part(0, noise(300, 1), 1, Term::product), part(0, noise(300, 2), 1, Term::delta),
                                part(1, noise(300, 3), 4, Term::product), part(1, noise(300, 4), 4, Term::delta)};
  const auto equation = [&](const std::vector<double>& f) {
    return read(decompose(parts, combined(parts, f)), "dK", options).equation;
  };
  EXPECT_THAT(equation({1, 0, 1, 0}), HasSubstr("dK = 1.00 fine + 1.00 level 1, its delta term times 0.00, residual"));
  EXPECT_THAT(
      equation({1, 1, 1, 0}),
      HasSubstr("dK = 1.00 fine <dO, V> + 1.00 fine delta + 1.00 level 1 <dO, V> + 0.00 level 1 delta, residual"));
}

}  // namespace
}  // namespace llsa::compare::verify

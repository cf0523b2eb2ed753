// Inputs whose sums fp32 cannot hold are no mistake of theirs.
#include "compare/verify/precision_limit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "planted.hpp"

namespace llsa::compare::verify {
namespace {

using ::testing::HasSubstr;

Problem<double> with_huge_keys(std::int64_t head) {
  Problem<double> problem = ragged_problem();
  for (std::int64_t t = 0; t < 203; ++t)
    for (std::int64_t d = 0; d < 8; ++d) problem.key(0, head, t, d) *= 1e38;
  return problem;
}

TEST(PrecisionLimit, names_the_sum_that_exceeds_it) {
  EXPECT_FALSE(precision_limit(ragged_problem(), DType::f32).any());
  const PrecisionLimit limit = precision_limit(with_huge_keys(1), DType::f32);
  EXPECT_EQ(limit.heads, (std::vector<char>{0, 1}));
  EXPECT_THAT(limit.what, HasSubstr("the inputs exceed the precision: sums of k reach 1e40"));
  EXPECT_THAT(limit.what, HasSubstr("f32 holds up to 1e38.5"));
  EXPECT_FALSE(precision_limit(with_huge_keys(1), DType::f64).any());
}

TEST(PrecisionLimit, sees_scores_and_gradients) {
  Problem<double> problem = ragged_problem();
  for (double& x : problem.query.flat()) x *= 1e20;
  for (double& x : problem.key.flat()) x *= 1e19;
  EXPECT_THAT(precision_limit(problem, DType::f32).what, HasSubstr("scores"));
  problem = ragged_problem();
  for (double& x : problem.output_gradient.flat()) x *= 1e20;
  for (double& x : problem.value.flat()) x *= 1e19;
  EXPECT_THAT(precision_limit(problem, DType::f32).what, HasSubstr("products of grad_output and v"));
}

TEST(PrecisionLimit, makes_what_overflows_unjudged_and_not_wrong) {
  const Problem<double> problem = with_huge_keys(1);
  Outcome<double> outcome = compute(problem, {});
  for (std::int64_t t = 0; t < 100; ++t)
    for (std::int64_t d = 0; d < 8; ++d) outcome.output(0, 1, t, d) = std::nan("");
  const Written only_output{.indices = true, .storage = DType::f32, .only = {"o"}};
  VerifyReport report = verify_outcome(problem, outcome, only_output);
  EXPECT_EQ(report.conclusion(), Conclusion::not_judged_enough);
  EXPECT_NE(verdict_of(report, "o").verdict, Verdict::wrong);
  EXPECT_EQ(verdict_of(report, "o").judged.share(), 0) << "scores of 1e38 are rounded to steps of 1e31";
  EXPECT_THAT(findings_of(report, "o"), HasSubstr("the inputs exceed the precision"));
  // The other head has no excuse.
  outcome.output(0, 0, 3, 3) = std::nan("");
  EXPECT_EQ(verify_outcome(problem, outcome, only_output).conclusion(), Conclusion::wrong);
}

TEST(PrecisionLimit, leaves_rows_that_are_finite_to_be_judged) {
  // V alone is huge: scores are harmless.
  Problem<double> problem = ragged_problem();
  for (std::int64_t t = 0; t < 203; ++t) problem.value(0, 1, t, 2) = t % 2 == 0 ? 3e38 : -3e38;
  const Written only_output{.indices = true, .storage = DType::f32, .only = {"o"}};
  Outcome<double> outcome = compute(problem, {});
  EXPECT_TRUE(verify_outcome(problem, outcome, only_output).right());
  outcome.output(0, 1, 7, 2) = INFINITY;
  VerifyReport report = verify_outcome(problem, outcome, only_output);
  EXPECT_EQ(verdict_of(report, "o").judged.not_judged, 8);
  EXPECT_TRUE(report.right()) << "1 of 406 rows";
  outcome.output(0, 1, 8, 2) += 1e38;
  EXPECT_EQ(verify_outcome(problem, outcome, only_output).conclusion(), Conclusion::wrong);
}

}  // namespace
}  // namespace llsa::compare::verify

// llsa-compare verify on gradients: the coefficients of their parts, and what each planted mistake is called.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "planted.hpp"

namespace llsa::compare::verify {
namespace {

using reference::AttendedKey;
using ::testing::HasSubstr;
using ::testing::Not;

double coefficient(const TensorVerdict& v, int level, bool tail = false, Term term = Term::whole) {
  for (const Coefficient& c : v.decomposition->coefficients)
    if (c.part.level == level && c.part.tail == tail && c.part.term == term) return c.value;
  return std::nan("");
}

/// Only the gradients that are named may be wrong; each with these words.
void expect_named(const Mistake& mistake, const std::vector<std::pair<std::string, std::string>>& words,
                  const Problem<double>& problem = ragged_problem(), DType storage = DType::f32) {
  const VerifyReport report = verify_mistake(problem, mistake, {.indices = true, .storage = storage, .only = {}});
  EXPECT_EQ(report.right(), words.empty());
  for (const TensorVerdict& v : report.tensors) {
    const auto expected = std::find_if(words.begin(), words.end(), [&](const auto& w) { return w.first == v.name; });
    EXPECT_EQ(v.verdict, expected == words.end() ? Verdict::right : Verdict::wrong)
        << v.name << findings_of(report, v.name);
    const std::string wanted = expected == words.end() ? "" : expected->second;
    EXPECT_THAT(findings_of(report, v.name), HasSubstr(wanted));
  }
}

TEST(VerifyGradient, right_ones_have_coefficients_of_one) {
  const VerifyReport report = verify_mistake(ragged_problem(), {});
  for (const char* name : {"dq", "dk", "dv"}) {
    const TensorVerdict& v = verdict_of(report, name);
    ASSERT_TRUE(v.decomposition);
    for (const Coefficient& c : v.decomposition->coefficients) EXPECT_NEAR(c.value, 1, 1e-4) << name << c.part.level;
    EXPECT_LT(v.decomposition->residual, 1e-6);
  }
  EXPECT_THAT(verdict_of(report, "dv").equation, HasSubstr("dV = 1.00 fine + 1.00 level 1 + 1.00 level 2, residual"));
}

TEST(VerifyGradient, names_the_level_whose_weight_is_missing) {
  // The backward recomputes P without the weight of level 2: 1/16 of it, 1/11 under the ragged tail.
  const Mistake mistake{.backward_factor = [](const AttendedKey& r) { return r.level == 2 ? 1 / r.weight : 1.0; }};
  const std::string words = "the weight of level 2 is missing from its gradient";
  expect_named(mistake, {{"dq", words}, {"dk", words}, {"dv", words}});
  const VerifyReport report = verify_mistake(ragged_problem(), mistake);
  EXPECT_NEAR(coefficient(verdict_of(report, "dv"), 0), 1, 1e-3);
  EXPECT_NEAR(coefficient(verdict_of(report, "dv"), 1), 1, 1e-3);
  EXPECT_NEAR(coefficient(verdict_of(report, "dv"), 2), 1.0 / 16, 1e-3);
  EXPECT_NEAR(coefficient(verdict_of(report, "dv"), 2, true), 1.0 / 11, 1e-3);
  EXPECT_THAT(findings_of(report, "dv"),
              HasSubstr("dV = 1.00 fine + 1.00 level 1 + 0.0625 level 2 + 0.0909 level 2 tail, residual"));
  EXPECT_THAT(findings_of(report, "dv"), Not(HasSubstr("level 1 is")));
}

TEST(VerifyGradient, prints_the_example_of_the_documentation) {
  const Problem<double> problem = ragged_problem([](BatteryCase& c) {
    c.options.block_size = 2;
    c.query.tokens = c.key.tokens = 64;
  });
  const VerifyReport report = verify_mistake(
      problem, {.backward_factor = [](const AttendedKey& r) { return r.level == 2 ? 1 / r.weight : 1.0; }});
  EXPECT_THAT(findings_of(report, "dv"), HasSubstr("dV = 1.00 fine + 1.00 level 1 + 0.25 level 2, residual"));
}

TEST(VerifyGradient, names_all_levels_whose_weight_is_missing) {
  const Mistake mistake{.backward_factor = [](const AttendedKey& r) { return 1 / r.weight; }};
  for (const int level : {1, 2}) {
    const std::string words = "the weight of level " + std::to_string(level) + " is missing from its gradient";
    expect_named(mistake, {{"dq", words}, {"dk", words}, {"dv", words}});
  }
}

TEST(VerifyGradient, names_mistakes_in_sixteen_bit_storage) {
  const Mistake mistake{.backward_factor = [](const AttendedKey& r) { return r.level == 2 ? 1 / r.weight : 1.0; }};
  const std::string words = "the weight of level 2 is missing from its gradient";
  for (const DType storage : {DType::f16, DType::bf16})
    expect_named(mistake, {{"dq", words}, {"dk", words}, {"dv", words}}, ragged_problem(), storage);
}

TEST(VerifyGradient, names_a_missing_level) {
  for (const int level : {0, 1, 2}) {
    const std::string through = level == 0 ? "the fine keys" : "level " + std::to_string(level);
    const Mistake mistake{.backward_factor = [level](const AttendedKey& r) { return r.level == level ? 0.0 : 1.0; }};
    expect_named(mistake, {{"dq", "the part of dQ through " + through + " is missing"},
                           {"dk", "the part of dK through " + through + " is missing"},
                           {"dv", "the part of dV through " + through + " is missing"}});
  }
}

TEST(VerifyGradient, names_unpooling_without_the_count) {
  expect_named({.divisor = [](int level, double count) { return level == 1 ? 1.0 : count; }},
               {{"dk", "level 1 is not divided by its tokens' count when it is unpooled"},
                {"dv", "level 1 is not divided by its tokens' count when it is unpooled"}});
}

TEST(VerifyGradient, names_the_wrong_count_at_the_ragged_tail) {
  expect_named({.divisor = [](int level, double) { return std::pow(4.0, level); }},
               {{"dk", "wrong count at level 2's ragged tail: divided by the full block of 16 tokens instead of 11"},
                {"dv", "wrong count at level 1's ragged tail: divided by the full block of 4 tokens instead of 3"}});
}

TEST(VerifyGradient, names_unpooling_by_the_block_size_at_every_level) {
  expect_named({.divisor = [](int, double) { return 4.0; }},
               {{"dk", "level 2 is divided by B instead of B^2 when it is unpooled"},
                {"dv", "level 2 is divided by B instead of B^2 when it is unpooled"}},
               ragged_problem([](BatteryCase& c) { c.query.tokens = c.key.tokens = 192; }));
}

TEST(VerifyGradient, names_the_term_that_is_left_out) {
  expect_named({.delta = 0}, {{"dq", "the term -<dO, O> (delta) is left out of dQ"},
                              {"dk", "the term -<dO, O> (delta) is left out of dK"}});
  expect_named({.lse_gradient = 0}, {{"dq", "the gradient of LSE (dLSE) is left out of dQ"},
                                     {"dk", "the gradient of LSE (dLSE) is left out of dK"}});
  expect_named({.lse_gradient = -1}, {{"dq", "the gradient of LSE (dLSE) has the wrong sign in dQ"},
                                      {"dk", "the gradient of LSE (dLSE) has the wrong sign in dK"}});
  expect_named({.delta = -1}, {{"dq", "the term -<dO, O> (delta) has the wrong sign in dQ"},
                               {"dk", "the term -<dO, O> (delta) has the wrong sign in dK"}});
}

TEST(VerifyGradient, names_the_missing_scale) {
  const double unscaled = std::sqrt(8.0);
  expect_named({.query_factor = unscaled}, {{"dq", "the scale is missing from dQ"}});
  expect_named({.key_factor = unscaled}, {{"dk", "the scale is missing from dK"}});
  expect_named({.query_factor = 1 / unscaled}, {{"dq", "the scale is applied twice in dQ"}});
  expect_named({.key_factor = 1 / std::log(2.0)}, {{"dk", "dK is multiplied by log2(e)"}});
  expect_named({.query_factor = -1}, {{"dq", "dQ has the wrong sign"}});
  expect_named({.query_factor = 0}, {{"dq", "dQ is zero"}});
}

TEST(VerifyGradient, names_two_mistakes_at_once) {
  const Mistake mistake{.backward_factor = [](const AttendedKey& r) { return r.level == 1 ? 0.0 : 1.0; }, .delta = 0};
  const VerifyReport report = verify_mistake(ragged_problem(), mistake);
  EXPECT_THAT(findings_of(report, "dk"), HasSubstr("the part of dK through level 1 is missing"));
  EXPECT_THAT(findings_of(report, "dk"), HasSubstr("(delta) is left out of dK"));
}

TEST(VerifyGradient, is_not_confused_by_a_mistake_in_one_head_only) {
  const Problem<double> problem = ragged_problem();
  Outcome<double> outcome = compute(problem, {});
  const Outcome<double> wrong =
      compute(problem, {.backward_factor = [](const AttendedKey& r) { return r.level == 2 ? 1 / r.weight : 1.0; }});
  std::copy_n(wrong.value_gradient.data() + 203 * 8, 203 * 8, outcome.value_gradient.data() + 203 * 8);
  const VerifyReport report = verify_outcome(problem, outcome);
  EXPECT_THAT(findings_of(report, "dv"), HasSubstr("the weight of level 2 is missing from its gradient"));
  EXPECT_THAT(findings_of(report, "dv"), HasSubstr("all in head 1 of 2"));
}

TEST(VerifyGradient, names_the_definition_that_a_consistent_backward_follows) {
  const Problem<double> problem = ragged_problem();
  const Outcome<double> right = compute(problem, {});
  const auto gradients_of = [&](const Mistake& mistake) {
    Outcome<double> outcome = compute(problem, mistake);
    outcome.output = right.output;
    outcome.lse = right.lse;
    return verify_outcome(problem, outcome);
  };
  const VerifyReport unweighted = gradients_of({.options = [](ResolvedOptions& o) { o.reweight = false; }});
  const VerifyReport disjoint = gradients_of({.options = [](ResolvedOptions& o) { o.coverage = Coverage::disjoint; }});
  for (const char* name : {"dq", "dk", "dv"}) {
    EXPECT_THAT(findings_of(unweighted, name), HasSubstr("looks like: no reweighting"));
    EXPECT_THAT(findings_of(disjoint, name), HasSubstr("looks like: disjoint coverage"));
  }
}

TEST(VerifyGradient, names_a_swap) {
  const Problem<double> problem = ragged_problem();
  Outcome<double> outcome = compute(problem, {});
  std::swap(outcome.key_gradient, outcome.value_gradient);
  const VerifyReport report = verify_outcome(problem, outcome);
  EXPECT_THAT(findings_of(report, "dk"), HasSubstr("dk holds dv"));
  EXPECT_THAT(findings_of(report, "dv"), HasSubstr("dv holds dk"));
}

TEST(VerifyGradient, are_not_judged_without_the_output_gradient) {
  const Problem<double> problem = ragged_problem();
  Problem<double> forward{problem.query, problem.key, problem.value, {}, {}, problem.options};
  const VerifyReport report = verify_outcome(forward, compute(problem, {}));
  EXPECT_EQ(verdict_of(report, "dq").verdict, Verdict::not_judged);
  EXPECT_EQ(verdict_of(report, "o").verdict, Verdict::right);
  EXPECT_FALSE(
      verify_outcome(forward, compute(problem, {}), {.indices = false, .storage = DType::f32, .only = {"dq"}}).right());
}

TEST(VerifyGradient, of_one_token_is_judged_although_it_cancels_to_zero) {
  const Problem<double> problem = ragged_problem([](BatteryCase& c) {
    c.query.tokens = c.key.tokens = 1;
    c.lse_gradient = false;
  });
  Outcome<double> outcome = compute(problem, {});
  EXPECT_TRUE(verify_outcome(problem, outcome).right());
  outcome.query_gradient(0, 0, 0, 0) += 0.01;
  EXPECT_EQ(verdict_of(verify_outcome(problem, outcome), "dq").verdict, Verdict::wrong);
}

}  // namespace
}  // namespace llsa::compare::verify

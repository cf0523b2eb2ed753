#include "compare/allowance.hpp"

#include <gtest/gtest.h>

#include <random>

#include "reference/attention.hpp"

namespace llsa::compare {
namespace {

ThreadPool threads(1);

Tensor<double> random_tensor(const Shape& shape, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  Tensor<double> tensor(shape);
  for (double& x : tensor.flat()) x = normal(random);
  return tensor;
}

Problem<double> problem_with(const Options& options) {
  const Shape rows{1, 1, 96, 16}, one{1, 1, 96, 1};
  return {random_tensor(rows, 1), random_tensor(rows, 2), random_tensor(rows, 3),
          random_tensor(rows, 4), random_tensor(one, 5),  options};
}

PerResult<Comparison> errors(double relative_l2, double largest) {
  Comparison c;
  c.relative_l2 = relative_l2;
  c.max_error = largest;
  return {c, c, c, c, c};
}

TEST(Allowance, grows_twice_as_fast_as_the_dense_error_for_outputs_and_three_times_for_gradients) {
  const Problem<double> problem = problem_with({.levels = 1, .top_k = {3}});
  const Allowances one = derived_allowances(problem, DType::f16, errors(0.01, 0.1)),
                   two = derived_allowances(problem, DType::f16, errors(0.02, 0.2));
  EXPECT_NEAR(two.output.relative_l2 - one.output.relative_l2, 2 * 0.01, 1e-12);
  EXPECT_NEAR(two.output.element - one.output.element, 2 * 0.1, 1e-12);
  EXPECT_NEAR(two.lse.element - one.lse.element, 2 * 0.1, 1e-12);
  for (const auto gradient : {&Allowances::query_gradient, &Allowances::key_gradient, &Allowances::value_gradient}) {
    EXPECT_NEAR((two.*gradient).relative_l2 - (one.*gradient).relative_l2, 3 * 0.01, 1e-12);
    EXPECT_NEAR((two.*gradient).element - (one.*gradient).element, 3 * 0.1, 1e-12);
  }
}

TEST(Allowance, asks_for_no_more_than_half_a_last_place) {
  const Problem<double> problem = problem_with({.levels = 0});
  const Allowances f16 = derived_allowances(problem, DType::f16, errors(0, 0)),
                   bf16 = derived_allowances(problem, DType::bf16, errors(0, 0));
  EXPECT_GE(f16.output.relative_l2, 0x1p-11);
  EXPECT_LT(f16.output.relative_l2, 0x1p-10);
  EXPECT_GE(bf16.output.relative_l2, 0x1p-8);
  EXPECT_LT(bf16.output.relative_l2, 0x1p-7);
}

TEST(Allowance, of_lse_is_fp32_arithmetic_unless_there_are_coarse_keys_in_a_half_type) {
  const auto lse = [](const Options& options, DType storage) {
    return derived_allowances(problem_with(options), storage, errors(0, 0)).lse.element;
  };
  const Options fine{.levels = 1, .top_k = {3}, .enrichment_levels = 0}, coarse{.levels = 1, .top_k = {3}};
  EXPECT_LT(lse(fine, DType::bf16), 2e-5);
  EXPECT_LT(lse(coarse, DType::f32), 2e-5);
  EXPECT_GT(lse(coarse, DType::bf16), 1e-3);
  EXPECT_NEAR(lse(coarse, DType::bf16) / lse(coarse, DType::f16), 8, 0.5);
}

TEST(Allowance, comes_from_a_dense_run_whatever_the_levels) {
  reference::ReferenceAttention<half> attention(threads);
  const Problem<double> problem = as_stored<half>(problem_with({.block_size = 4, .levels = 2, .top_k = {1}}));
  for (const bool small : {true, false}) {
    const PerResult<Comparison> dense = dense_errors<half>(attention, problem, small, threads);
    dense.for_each([&](const std::string& name, const Comparison& c) {
      EXPECT_EQ(c.elements, name == "lse" ? 96 : 96 * 16) << name;
      EXPECT_LT(c.relative_l2, 1e-3) << name;
      EXPECT_GT(c.relative_l2, 0) << name;
    });
  }
}

TEST(PerResult, explains_the_first_result_that_is_off_and_passes_over_what_one_side_has_not) {
  Results got, want;
  got.output = want.output = random_tensor({1, 1, 3, 2}, 1);
  got.lse = want.lse = random_tensor({1, 1, 3, 1}, 2);
  want.key_gradient = random_tensor({1, 1, 3, 2}, 3);
  const Tolerance little{.relative_l2 = 1e-3, .cosine = 1e-6, .element = 1e-3};
  const Allowances allowed{little, little, little, little, little};
  EXPECT_EQ(explain(compare_results(got, want, {}), allowed), "");
  got.lse.flat()[1] += 0.01;
  const std::string why = explain(compare_results(got, want, {}), allowed);
  EXPECT_TRUE(why.starts_with("lse: root mean square error 0.00577, allowed 1.0e-03; worst at [0, 0, 1, 0]")) << why;
}

TEST(Comparator, takes_the_error_of_a_dimensionless_quantity_as_it_is) {
  const Tensor<double> want({1, 1, 4, 1}, 1000.0);
  Tensor<double> got = want;
  got.flat()[2] += 0.5;
  const Comparison c = compare(got.view(), want.view(), {.absolute = true});
  EXPECT_DOUBLE_EQ(c.max_error, 0.5);
  EXPECT_DOUBLE_EQ(c.relative_l2, 0.25);
  EXPECT_DOUBLE_EQ(c.cosine, 1);
}

}  // namespace
}  // namespace llsa::compare

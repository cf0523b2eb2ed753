// attend, attend_backward and the mask-based baseline on the executor, against the formulas in double.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "cuda/stage_attention.hpp"
#include "support/check.hpp"

namespace llsa::cuda {
namespace {

using testing::Case;
using testing::close;
using testing::ExactInputs;
using testing::Magnitudes;
using testing::Problem;
using testing::require;
using testing::same;
using testing::Values;
using testing::Verdict;

std::int64_t heads_of(const Case& c) { return c.batch * c.heads; }

/// Coarse keys are rounded to the storage type, and the scores with them; so LSE is as exact as a score.
template <class T>
double lse_tolerance() {
  return std::is_same_v<T, float> ? testing::tolerance_of(DType::f32).lse : testing::tolerance_of(dtype_of<T>()).output;
}

/// Outputs and gradients of the stages against the oracle's.
template <class T>
Verdict equals_the_oracle(const Case& c, const Selection& selection, const StageRun& how) {
  const Problem<T> problem(c);
  const ExactInputs exact(problem);
  const Magnitudes magnitudes(exact, problem.options);
  const auto tolerance = testing::tolerance_of(dtype_of<T>());
  const Stages<T> stages(problem, selection, how.stream);

  const StageOutputs outputs = stages.forward(how);
  const auto expected = reference::naive_forward(exact.inputs(), selection, problem.options);
  const double condition = magnitudes.condition();
  Verdict verdict = close("lse", outputs.exact_lse, expected.lse, lse_tolerance<T>() * condition, magnitudes.lse);
  if (verdict)
    verdict = close("output", outputs.output, expected.output, tolerance.output * condition, magnitudes.output);
  if (!verdict) return verdict;

  const StageGradients gradients = stages.backward(how);
  auto output_gradients = exact.output_gradients();
  if (!how.with_lse_gradient) output_gradients.lse = {};
  const auto wanted = reference::naive_backward(exact.inputs(), selection, problem.options, output_gradients);
  const double allowed = tolerance.gradient * condition;
  verdict = close("dV", gradients.value, wanted.value, allowed, magnitudes.value_gradient);
  if (verdict) verdict = close("dQ", gradients.query, wanted.query, allowed, magnitudes.query_gradient);
  if (verdict) verdict = close("dK", gradients.key, wanted.key, allowed, magnitudes.key_gradient);
  return verdict;
}

/// Any valid case whose dimensions the kernels take.
Case some_case(std::int64_t tokens) {
  Case c = *testing::cases({.tokens = tokens, .batch = 2, .heads = 2, .dim = 1});
  c.dim = 8 * *rc::gen::weightedElement<std::int64_t>({{6, 1}, {3, 2}, {2, 3}, {1, 5}, {1, 9}});
  c.value_dim = *rc::gen::arbitrary<bool>() ? c.dim : 8 * *rc::gen::element<std::int64_t>(1, 2, 5);
  c.magnitude = std::min(c.magnitude, 4.0);
  return c;
}

StageRun some_run() {
  StageRun how;
  how.stream.execution = {.os_threads = 1, .order = simt::Order::shuffled, .seed = *rc::gen::inRange<std::uint64_t>(0, 99)};
  how.with_lse_gradient = *rc::gen::arbitrary<bool>();
  how.garbage = *rc::gen::element<unsigned char>(0xff, 0x7f, 0x3f);
  return how;
}

template <class T>
class AttendStages : public ::testing::Test {};
using StorageTypes = ::testing::Types<float, half, bfloat16>;
TYPED_TEST_SUITE(AttendStages, StorageTypes);

TYPED_TEST(AttendStages, equal_the_oracle_for_any_problem_and_selection) {
  testing::check("outputs and gradients equal the formulas", [] {
    const Case c = some_case(std::is_same_v<TypeParam, float> ? 200 : 100);
    testing::classify(c);
    const Selection selection =
        testing::random_selection(c.resolved(), heads_of(c), c.seed, c.values == Values::hot_key);
    require(equals_the_oracle<TypeParam>(c, selection, some_run()));
  });
}

TYPED_TEST(AttendStages, equal_the_oracle_for_all_tuned_sizes) {
  for (const std::int64_t block : {16, 32, 64})
    for (const std::int64_t dim : {32, 64, 128}) {
      // Ragged at both levels, cross attention, two heads.
      const Case c{.heads = dim == 32 ? 2 : 1,
                   .query_tokens = 3 * block + 21,
                   .key_tokens = block == 16 ? 549 : 5 * block + 7,
                   .dim = dim,
                   .value_dim = dim,
                   .options = {.block_size = block, .levels = block == 16 ? 2 : 1, .top_k = {3}},
                   .seed = 7};
      const Selection selection = testing::random_selection(c.resolved(), heads_of(c), 11);
      EXPECT_TRUE(equals_the_oracle<TypeParam>(c, selection, {})) << c;
    }
}

TYPED_TEST(AttendStages, take_the_largest_dimensions) {
  const Case c{.query_tokens = 20, .key_tokens = 37, .dim = 256, .value_dim = 256,
               .options = {.block_size = 4, .levels = 2, .top_k = {2}}, .seed = 3};
  EXPECT_TRUE(equals_the_oracle<TypeParam>(c, testing::random_selection(c.resolved(), 1, 1), {}));
}

TYPED_TEST(AttendStages, are_dense_attention_without_levels) {
  const Case c{.query_tokens = 40, .key_tokens = 150, .dim = 64, .value_dim = 64,
               .options = {.block_size = 16, .levels = 0}, .seed = 5};
  EXPECT_TRUE(equals_the_oracle<TypeParam>(c, Selection(1, c.resolved()), {}));
}

}  // namespace
}  // namespace llsa::cuda

#include <algorithm>

#include "reference/attention.hpp"
#include "support/check.hpp"
#include "support/problem.hpp"
#include "support/properties/properties.hpp"

namespace llsa::testing {
namespace {

ThreadPool threads(2);

template <class T>
void rounds(const char* sentence) {
  check(sentence, [] {
    const Case c = *cases();
    reference::ReferenceAttention<T> narrow(threads);
    reference::ReferenceAttention<float> wide(threads);
    require(rounds_the_float_results<T>(narrow, wide, c));
  });
}

TEST(ReferenceHalf, does_what_float_does_on_the_converted_inputs_and_rounds_once) {
  rounds<half>("half rounds float's results");
}
TEST(ReferenceBfloat16, does_what_float_does_on_the_converted_inputs_and_rounds_once) {
  rounds<bfloat16>("bfloat16 rounds float's results");
}

/// 45 blocks of keys, of which lists hold 40; without coarse keys every gradient is a fine one.
Case forty_blocks() {
  return {.query_tokens = 40,
          .key_tokens = 720,
          .dim = 16,
          .value_dim = 16,
          .options = {.block_size = 16, .levels = 1, .top_k = {40}, .enrichment_levels = 0},
          .seed = 4};
}

template <class T>
class ReferenceStoring : public ::testing::Test {};
using HalfTypes = ::testing::Types<half, bfloat16>;
TYPED_TEST_SUITE(ReferenceStoring, HalfTypes);

TYPED_TEST(ReferenceStoring, a_half_type_errs_little_more_than_dense_attention) {
  reference::ReferenceAttention<TypeParam> attention(threads);
  check("outputs and gradients within derived allowances", [&] {
    const Case c = *cases({.tokens = 150, .batch = 2, .heads = 2, .dim = 12});
    require(errs_little_more_than_dense_attention<TypeParam>(attention, c));
  });
  EXPECT_TRUE(errs_little_more_than_dense_attention<TypeParam>(attention, forty_blocks()));
}

/// What a fixed tolerance for a half type once let through.
TYPED_TEST(ReferenceStoring, a_half_type_may_not_lose_a_block_or_the_gradient_of_a_key) {
  using T = TypeParam;
  reference::ReferenceAttention<T> attention(threads);
  const Problem<T> problem(forty_blocks());
  const compare::Problem<double> exact = problem.exact();
  const compare::Allowances allowed =
      compare::derived_allowances(exact, dtype_of<T>(), compare::dense_errors<T>(attention, exact, true, threads));
  AttentionRun<T> run = run_both(attention, problem);
  const compare::Results expected = oracle_results(exact, run.selection());
  ASSERT_TRUE(results_close(run.results(), expected, exact, allowed));

  Selection shorter = run.selection();
  LevelSelection& lists = shorter.level(1);
  for (std::int64_t head = 0; head < lists.heads; ++head)
    for (std::int64_t t = 0; t < lists.queries; ++t) std::ranges::fill(lists.row(head, t).last(8), -1);
  const compare::Results dropped = run_both(attention, problem, &shorter).results();
  for (const auto& [name, part] : {std::pair{"o", compare::Results{.output = dropped.output}},
                                   {"lse", {.lse = dropped.lse}},
                                   {"dq", {.query_gradient = dropped.query_gradient}},
                                   {"dk", {.key_gradient = dropped.key_gradient}},
                                   {"dv", {.value_gradient = dropped.value_gradient}}})
    EXPECT_FALSE(results_close(part, expected, exact, allowed)) << name << " of lists without 8 of 40 blocks";

  const std::int64_t key = 16 * run.selection().list(1, 0, 0).front() + 7;
  compare::Results lost = run.results();
  for (std::int64_t d = 0; d < 16; ++d) lost.key_gradient(0, 0, key, d) = 0;
  EXPECT_FALSE(results_close(lost, expected, exact, allowed)) << "dK without the gradient of a fine key";
  lost = run.results();
  for (std::int64_t d = 0; d < 16; ++d) lost.value_gradient(0, 0, key, d) = 0;
  EXPECT_FALSE(results_close(lost, expected, exact, allowed)) << "dV without the gradient of a fine key";
}

}  // namespace
}  // namespace llsa::testing

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

/// 45 blocks of keys, of which lists hold 40, without coarse keys.
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

TYPED_TEST(ReferenceStoring, a_half_type_may_not_lose_blocks_or_the_gradient_of_a_key) {
  reference::ReferenceAttention<TypeParam> attention(threads);
  EXPECT_TRUE(lost_blocks_and_gradients_are_seen<TypeParam>(attention, forty_blocks()));
}

}  // namespace
}  // namespace llsa::testing

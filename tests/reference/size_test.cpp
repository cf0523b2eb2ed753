// Sizes chosen, not drawn: every small length, and lengths beyond each of the reference's tiles and chunks.
#include "reference/attention.hpp"
#include "support/check.hpp"
#include "support/properties/properties.hpp"

namespace llsa::testing {
namespace {

ThreadPool threads(2);

template <class T>
Verdict equals_the_formulas(const Case& c) {
  reference::ReferenceAttention<T> attention(threads);
  const Verdict verdict = oracle_properties<T>().front().holds(attention, c);
  return verdict ? verdict : ::testing::AssertionFailure() << c << ": " << verdict.message();
}

void expect_formulas(const Case& c) {
  ASSERT_TRUE(equals_the_formulas<float>(c));
  ASSERT_TRUE(equals_the_formulas<double>(c));
}

TEST(EveryLength, from_one_to_several_blocks_equals_the_formulas) {
  for (const std::int64_t block_size : {2, 3, 4, 5})
    for (std::int64_t tokens = 1; tokens <= 2 * block_size * block_size + block_size + 1; ++tokens)
      for (const int levels : {1, 2, 3})
        for (const Coverage coverage : {Coverage::overlapping, Coverage::disjoint}) {
          Case c;
          c.query_tokens = c.key_tokens = tokens;
          c.dim = 3;
          c.value_dim = 2;
          c.options = {.block_size = block_size, .levels = levels, .top_k = {2}, .coverage = coverage};
          c.seed = static_cast<std::uint64_t>(tokens);
          expect_formulas(c);
          if (HasFatalFailure()) return;
        }
}

TEST(EveryLength, of_queries_with_every_length_of_keys_equals_the_formulas) {
  for (std::int64_t queries = 1; queries <= 11; ++queries)
    for (std::int64_t keys = 1; keys <= 11; ++keys)
      for (int levels = 0; levels <= 4; ++levels)
        for (int enriched = 0; enriched <= levels; enriched += 2) {
          Case c;
          c.query_tokens = queries;
          c.key_tokens = keys;
          c.dim = 2;
          c.options = {.block_size = 2, .levels = levels, .top_k = {1}, .enrichment_levels = enriched};
          expect_formulas(c);
          if (HasFatalFailure()) return;
        }
}

struct Big {
  std::int64_t queries, keys, dim, value_dim;
  Options options;
};

class BigSizes : public ::testing::TestWithParam<Big> {};

TEST_P(BigSizes, equal_the_formulas) {
  const auto& [queries, keys, dim, value_dim, options] = GetParam();
  Case c;
  c.query_tokens = queries;
  c.key_tokens = keys;
  c.dim = dim;
  c.value_dim = value_dim;
  c.options = options;
  for (c.heads = 1; c.heads <= (queries * keys > 100000 ? 1 : 2); ++c.heads) expect_formulas(c);
}

INSTANTIATE_TEST_SUITE_P(
    Reference, BigSizes,
    ::testing::Values(
        Big{1030, 1030, 33, 17, {.block_size = 16, .levels = 2, .top_k = {8}}},  // tiles, chunks and the paper's
                                                                                 // numbers
        Big{1030, 1030, 8, 8, {.block_size = 16, .levels = 2, .top_k = {5, 3}, .coverage = Coverage::disjoint}},
        Big{130, 300, 5, 9, {.levels = 0}},                                   // dense, several chunks
        Big{70, 1301, 4, 4, {.block_size = 2, .levels = 1, .top_k = {150}}},  // many coarse candidates, a ragged tail
        Big{400, 410, 6, 3, {.block_size = 128, .levels = 2, .top_k = {2}}},  // a block is several tiles
        Big{290, 300, 6, 3, {.block_size = 100, .levels = 1, .top_k = {2}, .coverage = Coverage::disjoint}},
        Big{8193, 70, 1, 2, {.levels = 0}},  // many queries for each key
        Big{8300, 40, 2, 3, {.block_size = 2, .levels = 2, .top_k = {2}, .coverage = Coverage::disjoint}},
        Big{9001, 500, 1, 1, {.block_size = 20, .levels = 1, .top_k = {2}, .enrichment_levels = 0}}));

TEST(LargeHierarchies, a_block_longer_than_the_sequence_is_dense_attention_at_every_depth) {
  for (const int levels : {1, 3, 62})
    for (const std::int64_t block_size : {std::int64_t{1000}, std::int64_t{1} << 62}) {
      Case c;
      c.query_tokens = c.key_tokens = 37;
      c.dim = c.value_dim = 4;
      c.options = {.block_size = block_size, .levels = levels, .top_k = {1}};
      expect_formulas(c);
    }
}

}  // namespace
}  // namespace llsa::testing

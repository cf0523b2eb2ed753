#include "llsa/options.hpp"

#include <cmath>
#include <limits>

#include "support/case.hpp"
#include "support/check.hpp"

namespace llsa::testing {
namespace {

const Shape query{2, 3, 100, 16}, key{2, 3, 2000, 16}, value{2, 3, 2000, 8};

TEST(Options, defaults_are_the_papers) {
  const ResolvedOptions r = resolve({}, query, key, value);
  EXPECT_EQ(r.block_size, 16);
  EXPECT_EQ(r.levels, 1);  // 125 coarse key tokens; one more level would leave 8
  EXPECT_EQ(r.top_k, (std::vector<std::int64_t>{8}));
  EXPECT_EQ(r.enrichment_levels, 1);
  EXPECT_TRUE(r.reweight);
  EXPECT_EQ(r.coverage, Coverage::overlapping);
  EXPECT_DOUBLE_EQ(r.scale, 0.25);
}

TEST(Options, what_is_given_is_kept) {
  const ResolvedOptions r = resolve({.block_size = 7,
                                     .levels = 3,
                                     .top_k = {5, 6, 7},
                                     .enrichment_levels = 1,
                                     .reweight = false,
                                     .coverage = Coverage::disjoint,
                                     .scale = -2.5},
                                    query, key, value);
  EXPECT_EQ(r.block_size, 7);
  EXPECT_EQ(r.levels, 3);
  EXPECT_EQ(r.k(1), 5);
  EXPECT_EQ(r.k(2), 6);
  EXPECT_EQ(r.k(3), 7);
  EXPECT_EQ(r.enrichment_levels, 1);
  EXPECT_FALSE(r.reweight);
  EXPECT_EQ(r.coverage, Coverage::disjoint);
  EXPECT_EQ(r.scale, -2.5);
  EXPECT_EQ(r.query.tokens(), 100);
  EXPECT_EQ(r.key.tokens(), 2000);
  EXPECT_EQ(r.query.levels(), 3);
  EXPECT_EQ(r.key.levels(), 3);
  EXPECT_EQ(r.key.block_size(), 7);
}

TEST(Options, automatic_levels_follow_the_keys_not_the_queries) {
  EXPECT_EQ(resolve({}, {1, 1, 65536, 4}, {1, 1, 1024, 4}, {1, 1, 1024, 4}).levels, 1);
  EXPECT_EQ(resolve({}, {1, 1, 1, 4}, {1, 1, 65536, 4}, {1, 1, 65536, 4}).levels, 2);
}

TEST(Options, one_k_serves_every_level) {
  EXPECT_EQ(resolve({.levels = 4, .top_k = {3}}, query, key, value).top_k, (std::vector<std::int64_t>{3, 3, 3, 3}));
}

TEST(Options, dense_attention_needs_no_k) {
  EXPECT_TRUE(resolve({.levels = 0}, query, key, value).top_k.empty());
  EXPECT_TRUE(resolve({.levels = 0, .top_k = {}}, query, key, value).top_k.empty());
  EXPECT_TRUE(resolve({.levels = 0, .top_k = {1, 2}}, query, key, value).top_k.empty());
}

TEST(Options, every_generated_case_is_valid) {
  check("generated cases are valid", [] {
    const Case c = *cases();
    classify(c);
    const ResolvedOptions r = c.resolved();
    RC_ASSERT(r.levels == c.options.levels.value_or(automatic_levels(c.key_tokens, c.options.block_size)));
    RC_ASSERT(static_cast<int>(r.top_k.size()) == r.levels);
    RC_ASSERT(r.enrichment_levels == c.options.enrichment_levels.value_or(r.levels));
    RC_ASSERT(r.scale == c.options.scale.value_or(1 / std::sqrt(static_cast<double>(c.dim))));
  });
}

TEST(Options, every_option_out_of_range_is_named_with_its_value_and_what_is_allowed) {
  const auto rejected = [](const Options& options, const std::string& message) {
    expect_error(message, [&] { resolve(options, query, key, value); });
  };
  rejected({.block_size = 1}, "block_size is 1; it must be at least 2");
  rejected({.block_size = 0}, "block_size is 0; it must be at least 2");
  rejected({.block_size = -16}, "block_size is -16; it must be at least 2");
  rejected({.levels = -1}, "levels is -1; it must be 0 to 62");
  rejected({.levels = 63}, "levels is 63; it must be 0 to 62");
  rejected({.levels = 2, .top_k = {0}}, "top_k for level 1 is 0; it must be at least 1");
  rejected({.levels = 2, .top_k = {4, -3}}, "top_k for level 2 is -3; it must be at least 1");
  rejected({.levels = 2, .top_k = {4, 4, 4}},
           "top_k has 3 numbers for 2 levels; give one number, or one for each level with level 1 first");
  rejected({.levels = 2, .top_k = {}},
           "top_k has 0 numbers for 2 levels; give one number, or one for each level with level 1 first");
  rejected({.levels = 2, .enrichment_levels = 3}, "enrichment_levels is 3; it must be 0 to levels, here 2");
  rejected({.levels = 2, .enrichment_levels = -1}, "enrichment_levels is -1; it must be 0 to levels, here 2");
  rejected({.scale = std::numeric_limits<double>::quiet_NaN()}, "scale is nan; it must be finite");
  rejected({.scale = std::numeric_limits<double>::infinity()}, "scale is inf; it must be finite");
  rejected({.scale = -std::numeric_limits<double>::infinity()}, "scale is -inf; it must be finite");
  EXPECT_EQ(resolve({.levels = 62}, query, key, value).levels, 62);
}

TEST(Options, shapes_that_do_not_belong_together_are_named) {
  const auto rejected = [](const Shape& q, const Shape& k, const Shape& v, const std::string& message) {
    expect_error(message, [&] { resolve({}, q, k, v); });
  };
  rejected({0, 3, 100, 16}, key, value, "query has shape [0, 3, 100, 16]; every extent must be at least 1");
  rejected(query, {2, -1, 2000, 16}, value, "key has shape [2, -1, 2000, 16]; every extent must be at least 1");
  rejected(query, {2, 3, 0, 16}, value, "key has shape [2, 3, 0, 16]; every extent must be at least 1");
  rejected(query, key, {2, 3, 2000, 0}, "value has shape [2, 3, 2000, 0]; every extent must be at least 1");
  const std::int64_t many = std::int64_t{1} << 31;
  rejected({1, 1, many, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, "query has 2147483648 tokens; at most 2147483647 are allowed");
  rejected({1, 1, 1, 1}, {1, 1, many, 1}, {1, 1, many, 1}, "key has 2147483648 tokens; at most 2147483647 are allowed");
  const std::string together = "; batch and dim must be equal";
  rejected(query, {1, 3, 2000, 16}, value, "key has shape [1, 3, 2000, 16] and query [2, 3, 100, 16]" + together);
  rejected(query, {2, 2, 2000, 16}, value,
           "key has 2 heads and query 3; the heads of key and value must divide those of query");
  rejected(query, {2, 6, 2000, 16}, value,
           "key has 6 heads and query 3; the heads of key and value must divide those of query");
  rejected(query, {2, 3, 2000, 15}, value, "key has shape [2, 3, 2000, 15] and query [2, 3, 100, 16]" + together);
  const std::string alike = "; batch, heads and tokens must be equal";
  rejected(query, key, {1, 3, 2000, 8}, "value has shape [1, 3, 2000, 8] and key [2, 3, 2000, 16]" + alike);
  rejected(query, key, {2, 1, 2000, 8}, "value has shape [2, 1, 2000, 8] and key [2, 3, 2000, 16]" + alike);
  rejected(query, key, {2, 3, 1999, 8}, "value has shape [2, 3, 1999, 8] and key [2, 3, 2000, 16]" + alike);
}

TEST(Options, query_heads_share_key_heads_that_divide_them) {
  const auto shared = [](std::int64_t heads, std::int64_t key_heads) {
    return resolve({}, {2, heads, 100, 16}, {2, key_heads, 2000, 16}, {2, key_heads, 2000, 8});
  };
  EXPECT_EQ(shared(6, 6).group, 1);
  EXPECT_EQ(shared(6, 2).group, 3);
  EXPECT_EQ(shared(6, 1).group, 6);
  // The second batch entry's heads 6 ... 11 read its key heads 2 and 3.
  for (std::int64_t head = 0; head < 12; ++head) EXPECT_EQ(shared(6, 2).key_head(head), head / 3);
}

TEST(Coverage, has_two_names) {
  for (const Coverage coverage : {Coverage::overlapping, Coverage::disjoint})
    EXPECT_EQ(coverage_from(name_of(coverage)), coverage);
  EXPECT_EQ(name_of(Coverage::disjoint), "disjoint");
  expect_error("coverage is 'Disjoint'; it must be overlapping or disjoint", [] { coverage_from("Disjoint"); });
  expect_error("coverage is ''; it must be overlapping or disjoint", [] { coverage_from(""); });
}

}  // namespace
}  // namespace llsa::testing

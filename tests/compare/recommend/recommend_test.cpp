// llsa-compare recommend: what it expects, and how it chooses.
#include "compare/recommend/recommend.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "llsa/error.hpp"

namespace llsa::compare::recommend {
namespace {

std::string row(const char* coverage, int levels, int top_k, double error, int enriched = -1) {
  std::string list = "[";
  for (int l = 0; l < levels; ++l) list += (l > 0 ? "," : "") + std::to_string(top_k);
  return R"({"method": "llsa", "block_size": 16, "reweight": true, "coverage": ")" + std::string(coverage) +
         R"(", "levels": )" + std::to_string(levels) + R"(, "enrichment_levels": )" +
         std::to_string(enriched < 0 ? levels : enriched) + R"(, "top_k": )" + list + R"(], "relative_l2": )" +
         std::to_string(error) + "}";
}
std::string input(const char* name, int tokens, const std::string& rows) {
  return R"({"name": ")" + std::string(name) + R"(", "key_tokens": )" + std::to_string(tokens) + R"(, "rows": [)" +
         rows + "]}";
}
Measurements three_inputs() {
  return Measurements(R"({"inputs": [)" + input("a", 1000, row("overlapping", 1, 8, 0.2)) + "," +
                          input("b", 1000, row("overlapping", 1, 8, 0.4) + "," + row("disjoint", 2, 8, 0.1)) + "," +
                          input("c", 16000, row("overlapping", 1, 8, 0.5) + "," + row("overlapping", 2, 8, 0.9, 0)) +
                          "]}",
                      "three.json");
}
const Setting one_level{.block_size = 16, .levels = 1, .top_k = 8};

TEST(Recommend, errors_are_medians_and_lie_on_a_line_in_the_logarithm_of_n) {
  const Measurements m = three_inputs();
  const auto at = [&](std::int64_t tokens) { return *m.expect(one_level, tokens); };
  EXPECT_DOUBLE_EQ(at(1000).error, 0.3);
  EXPECT_DOUBLE_EQ(at(1000).low, 0.2);
  EXPECT_DOUBLE_EQ(at(1000).high, 0.4);
  EXPECT_EQ(at(1000).inputs, 2);
  EXPECT_NEAR(at(4000).error, 0.4, 1e-12);  // half way from 1,000 to 16,000
  EXPECT_EQ(at(4000).inputs, 3);
  EXPECT_DOUBLE_EQ(at(4000).low, 0.2);
  EXPECT_DOUBLE_EQ(at(4000).high, 0.5);
  EXPECT_DOUBLE_EQ(at(16000).error, 0.5);
  EXPECT_DOUBLE_EQ(at(1 << 20).error, 0.5);
  EXPECT_EQ(at(1 << 20).longer, 16000);
  EXPECT_DOUBLE_EQ(at(3).error, 0.3);
  EXPECT_EQ(m.settings().size(), 2u);  // the row with Le = 0 is none of them
  EXPECT_FALSE(m.expect({.block_size = 8}, 1000));
  EXPECT_EQ(m.longest(), 16000);
}

TEST(Recommend, what_is_no_file_of_measurements_is_refused_by_name) {
  for (const char* wrong :
       {"", "{", "[]", R"({"inputs": 3})", R"({"inputs": []})", R"({"inputs": [{"key_tokens": 4}]})"}) {
    try {
      Measurements(wrong, "mine.json");
      ADD_FAILURE() << wrong;
    } catch (const Error& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with("mine.json: ")) << error.what();
    }
  }
}

TEST(Recommend, the_shipped_measurements_serve_every_length) {
  const Measurements& shipped = Measurements::shipped();
  EXPECT_GE(shipped.settings().size(), 20u);
  EXPECT_FALSE(shipped.sources().empty());
  for (const Setting& setting : shipped.settings())
    for (const std::int64_t tokens : {1, 777, 4096, 1'000'000}) {
      const auto expected = shipped.expect(setting, tokens);
      ASSERT_TRUE(expected);
      EXPECT_TRUE(expected->low <= expected->error && expected->error <= expected->high);
      EXPECT_GE(expected->low, 0);
    }
}

CostModel unit_cost() { return CostModel({{0, {0, 1}, {0, 3}}, {16, {10, 2}, {20, 5}}}); }

TEST(Recommend, time_is_a_sum_over_queries_of_keys_and_scores) {
  const Shape shape{1, 1, 4096, 8};
  const ResolvedOptions dense = resolve({.levels = 0}, shape, shape, shape);
  EXPECT_DOUBLE_EQ(unit_cost().forward_seconds(dense), 4096.0 * 4096);
  EXPECT_DOUBLE_EQ(unit_cost().backward_seconds(dense), 3 * 4096.0 * 4096);
  const ResolvedOptions sparse = resolve({.block_size = 16, .levels = 1, .top_k = {8}}, shape, shape, shape);
  const double work = 128 + 256 + 0.5 * 256.0 * 256 / 4096;
  EXPECT_DOUBLE_EQ(unit_cost().forward_seconds(sparse), 4096 * (10 + 2 * work));
  EXPECT_DOUBLE_EQ(unit_cost().backward_seconds(sparse), 4096 * (20 + 5 * work));
  const ResolvedOptions other = resolve({.block_size = 8, .levels = 1, .top_k = {8}}, shape, shape, shape);
  EXPECT_THROW(unit_cost().forward_seconds(other), Error);
}

Candidate candidate(double error, double seconds, bool dense = false) {
  Candidate c{.forward_seconds = seconds, .backward_seconds = 3 * seconds};
  if (!dense) c.setting = one_level;
  c.expected.error = c.expected.low = c.expected.high = error;
  return c;
}

RC_GTEST_PROP(Recommend, nothing_beats_the_choice_within_the_limits, ()) {
  const auto number = [] { return *rc::gen::inRange(1, 20) / 10.0; };
  std::vector<Candidate> all = {candidate(0, number() + 1, true)};
  const auto count = *rc::gen::inRange(0, 12);
  for (int i = 0; i < count; ++i) all.push_back(candidate(number(), number()));
  Request request{.tokens = 100};
  if (*rc::gen::arbitrary<bool>()) request.max_error = number();
  if (*rc::gen::arbitrary<bool>()) request.time_budget = number();
  const Recommendation r = recommend(request, all);
  const Candidate& best = r.front.at(r.chosen);
  const double error = request.max_error.value_or(request.time_budget ? INFINITY : default_max_error);
  const double time = request.time_budget.value_or(INFINITY);
  bool possible = false, in_time = false;
  for (const Candidate& c : all) {
    possible = possible || (c.expected.error <= error && c.forward_seconds <= time);
    in_time = in_time || c.forward_seconds <= time;
  }
  if (possible) {
    RC_ASSERT(best.expected.error <= error);
    RC_ASSERT(best.forward_seconds <= time);
  }
  for (const Candidate& c : all) {
    const bool keeps = c.expected.error <= error && c.forward_seconds <= time;
    if (possible && keeps && request.max_error) RC_ASSERT(best.forward_seconds <= c.forward_seconds);
    if (possible && keeps && !request.max_error && request.time_budget)
      RC_ASSERT(best.expected.error <= c.expected.error);
    if (!possible && in_time && c.forward_seconds <= time) RC_ASSERT(best.expected.error <= c.expected.error);
    if (!in_time) RC_ASSERT(best.forward_seconds <= c.forward_seconds);
    // Nothing is better in both.
    RC_ASSERT(!(c.forward_seconds < best.forward_seconds && c.expected.error < best.expected.error));
  }
  RC_ASSERT(r.front.back().expected.error == 0);
}

TEST(Recommend, short_sequences_stay_dense) {
  ThreadPool threads(1);
  for (const std::int64_t tokens : {1, 2, 16, 17}) {
    const Request request{.tokens = tokens, .head_dim = 8};
    const Recommendation r = recommend(request, expected_candidates(request, three_inputs(), unit_cost()));
    EXPECT_FALSE(r.front[r.chosen].setting) << tokens;
    EXPECT_NE(r.why.find("no slower"), std::string::npos) << r.why;
  }
  EXPECT_THROW(validate({.tokens = 0}), Error);
  EXPECT_THROW(validate({.tokens = 5, .head_dim = 0}), Error);
  EXPECT_THROW(validate({.tokens = 5, .max_error = -1}), Error);
  EXPECT_THROW(validate({.tokens = 5, .max_error = NAN}), Error);
  EXPECT_THROW(validate({.tokens = 5, .time_budget = 0}), Error);
}

TEST(Recommend, long_sequences_become_sparse_when_the_error_allows) {
  const Request loose{.tokens = 16000, .head_dim = 8, .max_error = 0.6};
  const Recommendation sparse = recommend(loose, expected_candidates(loose, three_inputs(), unit_cost()));
  ASSERT_TRUE(sparse.front[sparse.chosen].setting);
  EXPECT_EQ(sparse.front[sparse.chosen].setting->levels, 2);  // fewer keys, and exact enough
  const Request strict{.tokens = 16000, .head_dim = 8, .max_error = 0.05};
  const Recommendation dense = recommend(strict, expected_candidates(strict, three_inputs(), unit_cost()));
  EXPECT_FALSE(dense.front[dense.chosen].setting);
  EXPECT_NE(dense.why.find("No sparse setting"), std::string::npos);
}

TEST(Recommend, constant_keys_and_values_are_matched_exactly_by_the_fastest_setting) {
  approximate::Input same{.name = "constant",
                          .query = Tensor<float>({2, 3, 700, 8}, 0.5f),
                          .key = Tensor<float>({2, 3, 700, 8}, 0.25f),
                          .value = Tensor<float>({2, 3, 700, 8}, 2.0f)};
  same.order = "as stored";
  same.scale = 1;
  ThreadPool threads(1);
  const Request request{.tokens = 700, .head_dim = 8, .heads = 3, .max_error = 1e-4};
  const std::vector<Setting> settings = {{.top_k = 16}, {.top_k = 2}, {.top_k = 8, .coverage = Coverage::disjoint}};
  const auto candidates =
      measured_candidates(request, same, settings, unit_cost(), "reference", threads, [](const std::string&) {});
  ASSERT_EQ(candidates.size(), 4u);
  for (const Candidate& each : candidates) EXPECT_LT(each.expected.error, 1e-5);
  const Recommendation r = recommend(request, candidates);
  ASSERT_TRUE(r.front[r.chosen].setting);
  EXPECT_EQ(r.front[r.chosen].setting->top_k, 2);
}

TEST(Recommend, the_calibration_gives_finite_times_that_grow_with_n) {
  ThreadPool threads(1);
  const CostModel cost = calibrate({16}, 8, "reference", threads);
  const auto seconds = [&](std::int64_t tokens, int levels) {
    const Shape shape{1, 1, tokens, 8};
    return cost.forward_seconds(resolve({.levels = levels}, shape, shape, shape));
  };
  for (const int levels : {0, 1, 2}) {
    EXPECT_GT(seconds(1000, levels), 0);
    EXPECT_LT(seconds(1000, levels), 10);
    EXPECT_GT(seconds(100'000, levels), seconds(1000, levels));
  }
  EXPECT_LT(seconds(1'000'000, 2), seconds(1'000'000, 0));
  EXPECT_THROW(calibrate({16}, 8, "abacus", threads), Error);
}

}  // namespace
}  // namespace llsa::compare::recommend

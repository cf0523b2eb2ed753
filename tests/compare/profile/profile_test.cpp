#include "compare/profile/profile.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <set>

#include "backends/backends.hpp"
#include "compare/keys_per_query.hpp"
#include "compare/profile/memory.hpp"
#include "compare/profile/problem.hpp"
#include "llsa/error.hpp"
#include "reference/naive.hpp"

namespace llsa::compare::profile {
namespace {

const auto silent = [](const std::string&) {};

TEST(Profile, times_every_stage_of_every_size_as_often_as_asked) {
  const Profile profile = measure_profile(
      {.threads = 1, .tokens = {300, 64}, .heads = 2, .head_dim = 8, .repetitions = 3, .dense_limit = 100}, {}, silent);
  std::set<std::string> names;
  for (const ProfileSeries& series : profile.series) {
    names.insert(series.name("reference"));
    ASSERT_EQ(series.samples.size(), 3u);
    for (const ProfileSample& sample : series.samples) {
      EXPECT_GT(sample.wall, 0);
      EXPECT_GE(sample.cpu, 0);
      EXPECT_GE(sample.begin, 0);
    }
  }
  EXPECT_EQ(names.size(), profile.series.size());
  std::set<std::string> expected{"reference/dense/forward/total/64", "reference/dense/backward/total/64"};
  for (const char* each : {"forward/total", "forward/pool", "forward/select", "forward/attend", "backward/total",
                           "backward/transpose", "backward/attend_backward"})
    for (const char* tokens : {"64", "300"}) expected.insert(std::string("reference/llsa/") + each + "/" + tokens);
  EXPECT_EQ(names, expected);
  EXPECT_EQ(profile.threads, 1);
  ASSERT_EQ(profile.sizes.size(), 2u);
  EXPECT_EQ(profile.sizes[0].tokens, 64);
  EXPECT_EQ(profile.sizes[1].input_bytes, 3 * 300 * 2 * 8 * 4);
}

TEST(Profile, repetitions_take_turns) {
  const Profile profile = measure_profile({.threads = 1, .tokens = {48}, .head_dim = 8, .repetitions = 4}, {}, silent);
  const ProfileSeries &llsa = *profile.find("llsa", "forward", "total", 48),
                      &dense = *profile.find("dense", "forward", "total", 48);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_LT(llsa.samples[i].begin + llsa.samples[i].wall, dense.samples[i].begin + 1e-9);
    EXPECT_TRUE(i == 0 || dense.samples[i - 1].begin < llsa.samples[i].begin);
  }
}

TEST(Profile, options_reach_the_work) {
  const Profile wide =
      measure_profile({.precision = DType::f64,
                       .threads = 1,
                       .tokens = {256},
                       .head_dim = 8,
                       .repetitions = 1,
                       .options = {.block_size = 4, .levels = 3, .top_k = {2}, .coverage = Coverage::disjoint}},
                      {}, silent);
  EXPECT_EQ(wide.sizes[0].levels, 3);
  EXPECT_EQ(wide.sizes[0].input_bytes, 3 * 256 * 8 * 8);
  EXPECT_EQ(wide.sizes[0].keys_per_query, 2 * 4 + (8 - 2) + (8 - 2) + (4 - 2));
}

TEST(Profile, half_types_take_half_the_memory) {
  for (const DType type : {DType::f16, DType::bf16}) {
    const Profile profile =
        measure_profile({.precision = type, .threads = 1, .tokens = {64}, .head_dim = 8, .repetitions = 1}, {}, silent);
    EXPECT_EQ(profile.sizes[0].input_bytes, 3 * 64 * 8 * 2);
    EXPECT_NE(profile.find("llsa", "backward", "attend_backward", 64), nullptr);
  }
}

TEST(Profile, dense_attention_has_no_levels_whatever_the_options_and_keeps_the_scale) {
  const Options dense = dense_counterpart({.block_size = 4,
                                           .levels = 2,
                                           .top_k = {2, 3},
                                           .enrichment_levels = 1,
                                           .reweight = false,
                                           .coverage = Coverage::disjoint,
                                           .scale = 0.3});
  const Shape shape{1, 1, 64, 8};
  const ResolvedOptions resolved = resolve(dense, shape, shape, shape);
  EXPECT_EQ(resolved.levels, 0);
  EXPECT_EQ(resolved.scale, 0.3);
}

TEST(Profile, bad_requests_are_errors_that_name_the_argument) {
  const auto message = [](const ProfileRequest& request) -> std::string {
    try {
      measure_profile(request, {}, silent);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message({.tokens = {}}), "tokens is empty; at least one length is needed");
  EXPECT_EQ(message({.tokens = {16, 0}}), "tokens is 0; it must be 1 to 67108864");
  EXPECT_EQ(message({.heads = 0}), "heads is 0; it must be 1 to 4096");
  EXPECT_EQ(message({.head_dim = -3}), "head-dim is -3; it must be 1 to 4096");
  EXPECT_EQ(message({.repetitions = 0}), "repetitions is 0; it must be 1 to 10000");
  EXPECT_EQ(message({.dense_limit = -1}), "dense-limit is -1; it must be 0 or more");
  EXPECT_NE(message({.backend = "abacus", .tokens = {8}}).find("abacus"), std::string::npos);
  EXPECT_NE(message({.tokens = {8}, .options = {.block_size = 1}}).find("block_size is 1"), std::string::npos);
}

TEST(Profile, a_request_to_stop_ends_it) {
  std::stop_source stop;
  EXPECT_THROW(measure_profile({.tokens = {64, 128}, .head_dim = 8}, stop.get_token(),
                               [&](const std::string& what) {
                                 if (what.starts_with("64 tokens: repetition 2")) stop.request_stop();
                               }),
               Cancelled);
}

RC_GTEST_PROP(Profile, keys_per_query_is_the_mean_size_of_the_definition_s_key_sets, ()) {
  const Options options{.block_size = *rc::gen::inRange(2, 6),
                        .levels = *rc::gen::inRange(0, 4),
                        .top_k = {*rc::gen::inRange(1, 5)},
                        .coverage = *rc::gen::element(Coverage::overlapping, Coverage::disjoint)};
  const Shape query{1, 2, *rc::gen::inRange(1, 90), 3}, key{1, 2, *rc::gen::inRange(1, 90), 3};
  Options limited = options;
  limited.enrichment_levels = *rc::gen::inRange(0, *options.levels + 1);
  Tensor<float> q(query), k(key), v(key), o(query), lse({1, 2, query.tokens, 1});
  for (Tensor<float>* each : {&q, &k, &v})
    for (float& value : each->flat()) value = static_cast<float>(*rc::gen::inRange(-8, 9));
  ThreadPool threads(1);
  const auto state = make_attention<float>("reference", threads)
                         ->forward({q.view(), k.view(), v.view()}, limited, {o.view(), lse.view()});
  double total = 0;
  for (std::int64_t head = 0; head < 2; ++head)
    for (std::int64_t i = 0; i < query.tokens; ++i)
      total += static_cast<double>(reference::naive_key_set(state->selection(), state->options(), head, i).size());
  const double mean = total / static_cast<double>(2 * query.tokens);
  RC_ASSERT(std::abs(keys_per_query(state->selection(), state->options(), 2) - mean) < 1e-9 * (1 + mean));
}

TEST(Profile, peak_memory_counts_what_was_held_in_between_and_not_what_was_held_before) {
  constexpr std::int64_t size = std::int64_t{64} << 20;
  const std::vector<char> before(static_cast<std::size_t>(size), 1);
  PeakMemory memory;
  std::ofstream told("/proc/self/clear_refs");
  told << "5" << std::flush;
  if (!told) GTEST_SKIP() << "the system does not tell";
  ASSERT_TRUE(memory.bytes());
  { const std::vector<char> held(static_cast<std::size_t>(size), before.back()); }
  EXPECT_GT(*memory.bytes(), size * 9 / 10);
  EXPECT_LT(*memory.bytes(), size * 5 / 4);
  EXPECT_LT(*PeakMemory().bytes(), size / 2);  // the peak starts anew
}

}  // namespace
}  // namespace llsa::compare::profile

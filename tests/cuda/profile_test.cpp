// The profile of the stages: what is timed, and that it reports it. On the executor and, with the label gpu, on the
// device.
#include "cuda/profile/profile.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "llsa/error.hpp"
#include "support/check.hpp"

namespace llsa::cuda {
namespace {

class Profile : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = why_unavailable()) GTEST_SKIP() << *why;
  }
  ProfileRequest request_{.dtype = DType::f16,
                          .tokens = 70,
                          .heads = 1,
                          .head_dim = 16,
                          .options = {.block_size = 4, .levels = 2, .top_k = {2}},
                          .repetitions = 2,
                          .quadratic_limit = 70,
                          .flush_bytes = 4096};
};

std::vector<std::string> names(const ProfileReport& report) {
  std::vector<std::string> result;
  for (const StageProfile& stage : report.stages) result.push_back(stage.name);
  return result;
}

TEST_F(Profile, times_every_stage_and_pass_and_dense_attention_where_it_is_short_enough) {
  const ProfileReport report = profile(request_, {});
  const std::vector<std::string> all = {"pool",
                                        "select",
                                        "attend",
                                        "transpose",
                                        "attend_backward",
                                        "mask_backward",
                                        "forward",
                                        "backward",
                                        "dense (own kernel) forward",
                                        "dense (own kernel) backward"};
  EXPECT_EQ(names(report), all);
  for (const StageProfile& stage : report.stages) {
    EXPECT_GT(stage.warm.median, 0) << stage.name;
    EXPECT_GT(stage.flushed.median, 0) << stage.name;
    EXPECT_GT(stage.bytes, 0) << stage.name;
  }
  EXPECT_GT(report.copy_bytes_per_second, 0);
  // 2 blocks of 4, the children of 2 coarse tokens, and all 5 coarsest tokens.
  EXPECT_EQ(report.keys_per_query, 8 + 8 + 5);
  EXPECT_EQ(report.stages[2].flops, 4.0 * 70 * 16 * 21);

  request_.quadratic_limit = 69;
  EXPECT_EQ(names(profile(request_, {})), (std::vector<std::string>{"pool", "select", "attend", "transpose",
                                                                    "attend_backward", "forward", "backward"}));
}

TEST_F(Profile, reports_as_json_and_markdown) {
  request_.options = {.levels = 0};
  const ProfileReport report = profile(request_, {});
  const auto json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(json["tokens"], 70);
  EXPECT_EQ(json["dtype"], "f16");
  EXPECT_EQ(json["stages"].size(), 4u);
  EXPECT_EQ(json["stages"][0]["name"], "forward");
  EXPECT_EQ(json["stages"][0]["warm_seconds"], report.stages[0].warm.median);
  const std::string text = to_markdown(report);
  for (const StageProfile& stage : report.stages) EXPECT_NE(text.find("| " + stage.name + " |"), std::string::npos);
}

TEST_F(Profile, refuses_what_cannot_be_timed) {
  request_.repetitions = 0;
  llsa::testing::expect_error("repetitions is 0; it must be at least 1", [&] { profile(request_, {}); });
  request_.repetitions = 1;
  request_.dtype = DType::f64;
  llsa::testing::expect_error("dtype is f64; cuda stores f32, f16 or bf16", [&] { profile(request_, {}); });
}

}  // namespace
}  // namespace llsa::cuda

// `profile` of the CUDA backends, by the executor: the same path as on a device, with times that mean nothing.
#include "compare/profile/device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "compare/profile/report.hpp"
#include "llsa/error.hpp"

namespace llsa::compare::profile {
namespace {

using ::testing::HasSubstr;

class DeviceProfile : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!measures_on_device("cuda-on-cpu")) GTEST_SKIP() << "built without the executor";
  }
  const ProfileRequest request_{.backend = "cuda-on-cpu",
                                .precision = DType::f16,
                                .threads = 1,
                                .tokens = {48, 32},
                                .heads = 2,
                                .head_dim = 8,
                                .repetitions = 2,
                                .dense_limit = 32,
                                .options = {.block_size = 4, .levels = 2, .top_k = {2}}};
};

TEST_F(DeviceProfile, every_stage_is_there_warm_and_flushed_with_what_the_task_asks_for) {
  std::vector<std::string> told;
  const Profile profile = measure_profile(request_, {}, [&](const std::string& step) { told.push_back(step); });
  EXPECT_EQ(profile.device, "CPU executor");
  EXPECT_THAT(told, ::testing::Contains("32 tokens: llsa forward, attend"));
  ASSERT_EQ(profile.sizes.size(), 2u);
  EXPECT_EQ(profile.sizes[1].input_bytes, 3 * 48 * 2 * 8 * 2);
  EXPECT_EQ(profile.sizes[1].keys_per_query, 8 + 8 + 3);
  EXPECT_GT(profile.sizes[0].working_bytes, 0);
  const std::pair<const char*, const char*> stages[] = {
      {"forward", "pool"},       {"forward", "select"},           {"forward", "attend"}, {"forward", "total"},
      {"backward", "transpose"}, {"backward", "attend_backward"}, {"backward", "total"}};
  for (const std::int64_t tokens : {32, 48})
    for (const auto& [pass, stage] : stages)
      for (const std::string cache : {"", ", L2 flushed"}) {
        const ProfileSeries* series = profile.find("llsa", pass, stage + cache, tokens);
        ASSERT_NE(series, nullptr) << stage << cache;
        EXPECT_EQ(series->samples.size(), 2u);
        EXPECT_GT(series->bytes, 0) << stage;
      }
  EXPECT_EQ(profile.find("llsa", "forward", "attend", 48)->flops, 4.0 * 2 * 48 * 8 * 19);
  for (const char* method : {"dense", "llsa+mask-backward"}) {
    const char* stage = std::string(method) == "dense" ? "total" : "attend_backward";
    EXPECT_NE(profile.find(method, "backward", stage, 32), nullptr) << method;
    EXPECT_EQ(profile.find(method, "backward", stage, 48), nullptr) << "beyond the limit";
  }
}

TEST_F(DeviceProfile, reports_ceilings_and_rates) {
  Profile profile = measure_profile(request_, {}, [](const std::string&) {});
  EXPECT_THAT(profile_report(profile), HasSubstr("cuBLASLt's products were not timed: this build has no cuBLASLt"));
  // 3 us for 6,000,000 flops are 2 TFLOP/s, half of the better product; 9,000 bytes are 3 GB/s, a tenth of the copy.
  profile.sizes[0].ceilings = DeviceCeilings{30e9, 4e12, 1e12, ""};
  for (ProfileSeries& series : profile.series)
    if (series.stage.starts_with("attend") && series.pass == "forward" && series.tokens == 32) {
      series.samples = {{0, 3e-6, 0}, {0, 3e-6, 0}};
      series.flops = 6e6, series.bytes = 9e3;
    }
  const std::string text = profile_report(profile);
  EXPECT_THAT(text, HasSubstr("device: CPU executor"));
  EXPECT_THAT(text,
              HasSubstr("32 tokens: a copy within the device moves 30 GB/s (read and written); cuBLASLt reaches 4.0 "
                        "TFLOP/s in the extents of Q Kᵀ and 1.0 in those of P V"));
  EXPECT_THAT(text, HasSubstr("2.00 (50%)"));
  EXPECT_THAT(text, HasSubstr("3.00 (10%)"));
  const auto json = nlohmann::json::parse(profile_json(profile, "test"));
  EXPECT_EQ(json["context"]["device"], "CPU executor");
  EXPECT_EQ(json["context"]["ceilings"][0]["copy_bytes_per_second"], 30e9);
  int found = 0;
  for (const auto& entry : json["benchmarks"]) found += entry.contains("flops") && entry["flops"] == 6e6;
  EXPECT_EQ(found, 2 * 2) << "each repetition, warm and flushed";
}

TEST_F(DeviceProfile, stops_on_request_and_refuses_what_kernels_do_not_take) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(measure_profile(request_, stop.get_token(), [](const std::string&) {}), Cancelled);
  ProfileRequest wrong = request_;
  wrong.precision = DType::f64;
  EXPECT_THROW(measure_profile(wrong, {}, [](const std::string&) {}), Error);
  wrong = request_;
  wrong.head_dim = 12;
  EXPECT_THROW(measure_profile(wrong, {}, [](const std::string&) {}), Error);
}

}  // namespace
}  // namespace llsa::compare::profile

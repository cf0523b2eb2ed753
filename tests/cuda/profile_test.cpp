// What the profile times, and NVIDIA's matrix product beside it. On the executor and, with the label gpu, on the
// device.
#include "cuda/profile/profile.hpp"

#include <gtest/gtest.h>

#include "cuda/buffer.hpp"
#include "cuda/device.hpp"
#include "cuda/profile/matrix_product.hpp"
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

ProfileReport run(const ProfileRequest& request) {
#if defined(LLSA_SIMT)
  return profile_on_cpu(request);
#else
  return profile(request);
#endif
}

std::vector<std::string> names(const ProfileReport& report) {
  std::vector<std::string> result;
  for (const StageProfile& stage : report.stages) result.push_back(stage.method + " " + stage.pass + " " + stage.stage);
  return result;
}

TEST_F(Profile, times_every_stage_and_pass_and_what_is_quadratic_where_it_is_short_enough) {
  std::vector<std::string> told;
  request_.on_stage = [&](const std::string& stage) { told.push_back(stage); };
  const ProfileReport report = run(request_);
  std::vector<std::string> all = {
      "llsa forward pool",       "llsa forward select",           "llsa forward attend",
      "llsa backward transpose", "llsa backward attend_backward", "llsa+mask-backward backward attend_backward",
      "llsa forward total",      "llsa backward total",           "dense forward total",
      "dense backward total"};
  EXPECT_EQ(names(report), all);
  EXPECT_EQ(told.size(), all.size() + 2) << "the two ceilings too";
  double last = 0;
  for (const StageProfile& stage : report.stages) {
    for (const auto* runs : {&stage.warm, &stage.flushed}) {
      ASSERT_EQ(runs->size(), 2u) << stage.stage;
      for (const ProfileRun& each : *runs) {
        EXPECT_GT(each.seconds, 0) << stage.stage;
        EXPECT_GE(each.begin, last) << "in the order they ran";
        last = each.begin;
      }
    }
    EXPECT_GT(stage.bytes, 0) << stage.stage;
  }
  EXPECT_GT(report.copy_bytes_per_second, 0);
  EXPECT_NE(report.device, "");
  EXPECT_GT(report.working_bytes, 0);
  EXPECT_EQ(report.levels, 2);
  // 2 blocks of 4, the children of 2 coarse tokens, and all 5 coarsest tokens.
  EXPECT_EQ(report.keys_per_query, 8 + 8 + 5);
  EXPECT_EQ(report.stages[2].flops, 4.0 * 70 * 16 * 21);

  request_.quadratic_limit = 69;
  std::erase_if(all,
                [](const std::string& name) { return name.starts_with("dense") || name.find("mask") != name.npos; });
  EXPECT_EQ(names(run(request_)), all);
  request_.options = {.levels = 0};
  EXPECT_EQ(names(run(request_)), (std::vector<std::string>{"llsa forward total", "llsa backward total"}));
}

TEST_F(Profile, says_why_there_is_no_ceiling_for_products_or_measures_it) {
  const ProfileReport report = run(request_);
  EXPECT_EQ(report.product_missing.empty(), report.score_flops_per_second > 0) << report.product_missing;
  EXPECT_EQ(report.product_missing.empty(), report.value_flops_per_second > 0);
  EXPECT_EQ(report.product_missing.find('\n'), std::string::npos);
}

TEST_F(Profile, stops_where_it_is_told_to) {
  request_.on_stage = [](const std::string& stage) {
    if (stage == "llsa forward, select") throw Cancelled();
  };
  EXPECT_THROW(run(request_), Cancelled);
}

TEST_F(Profile, refuses_what_cannot_be_timed) {
  request_.repetitions = 0;
  llsa::testing::expect_error("repetitions is 0; it must be at least 1", [&] { run(request_); });
  request_.repetitions = 1;
  request_.dtype = DType::f64;
  llsa::testing::expect_error("precision is f64; cuda stores f32, f16 or bf16", [&] { run(request_); });
}

#if !defined(LLSA_SIMT)
/// Small whole numbers: exact in every type.
TEST_F(Profile, cublaslt_multiplies_what_the_formula_says) {
  for (const DType type : {DType::f32, DType::f16, DType::bf16})
    for (const bool transposed : {false, true}) {
      const ProductShape shape{type, 2, 24, 16, 40, transposed};
      std::unique_ptr<MatrixProduct> product;
      try {
        product = std::make_unique<MatrixProduct>(shape);
      } catch (const Error& error) {
        GTEST_SKIP() << error.what();
      }
      const auto check = [&]<class T>(T) {
        std::vector<T> a, b;
        for (std::int64_t i = 0; i < 2 * 24 * 40; ++i) a.push_back(static_cast<T>(static_cast<float>(i * 7 % 5 - 2)));
        for (std::int64_t i = 0; i < 2 * 40 * 16; ++i) b.push_back(static_cast<T>(static_cast<float>(i * 5 % 7 - 3)));
        const Stream stream{};
        const Buffer<T> d_a = upload(std::span<const T>(a), stream), d_b = upload(std::span<const T>(b), stream);
        const Buffer<T> d_c(2 * 24 * 16);
        product->run(d_a.data(), d_b.data(), d_c.data(), stream);
        const std::vector<T> c = download(d_c, stream);
        for (std::int64_t batch = 0; batch < 2; ++batch)
          for (std::int64_t i = 0; i < 24; ++i)
            for (std::int64_t j = 0; j < 16; ++j) {
              float sum = 0;
              for (std::int64_t x = 0; x < 40; ++x) {
                const std::int64_t at = transposed ? (batch * 16 + j) * 40 + x : (batch * 40 + x) * 16 + j;
                sum += static_cast<float>(a[static_cast<std::size_t>((batch * 24 + i) * 40 + x)]) *
                       static_cast<float>(b[static_cast<std::size_t>(at)]);
              }
              ASSERT_EQ(static_cast<float>(c[static_cast<std::size_t>((batch * 24 + i) * 16 + j)]), sum);
            }
      };
      if (type == DType::f32) check(float{});
      if (type == DType::f16) check(half{});
      if (type == DType::bf16) check(bfloat16{});
    }
}
#endif

}  // namespace
}  // namespace llsa::cuda

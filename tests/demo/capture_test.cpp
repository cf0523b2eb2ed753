#include "demo/capture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "backends/backends.hpp"
#include "datasets/procedural.hpp"
#include "files/safetensors.hpp"
#include "llsa/error.hpp"
#include "llsa/option_metadata.hpp"
#include "support/temporary_folder.hpp"

namespace llsa::demo {
namespace {

/// A capture on disk: what a projection makes of a small picture, in place of a model's layer.
class CaptureFile : public testing::Test {
 protected:
  static constexpr int width = 13, height = 11;

  CaptureFile() {
    files::write_png(folder_ / "picture.png", picture_);
    file_.tensors = {files::from_tensor("q", tokens_.query), files::from_tensor("k", tokens_.key),
                     files::from_tensor("v", tokens_.value)};
    file_.metadata = {{"grid", "11x13"}, {"order", "hilbert"}, {"block_size", "4"}, {"levels", "2"},
                      {"top_k", "3,2"},  {"layer", "7"},       {"step", "5"},       {"coverage", "disjoint"},
                      {"steps", "9"},    {"time", "0.5"}};
  }

  Capture read() const {
    files::write_safetensors(folder_ / "c.safetensors", file_);
    return read_capture(folder_ / "c.safetensors", folder_ / "picture.png");
  }
  std::string problem() const {
    try {
      read();
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("c.safetensors: "), std::string::npos) << error.what();
      return error.what();
    }
    return "none";
  }

  const room::TemporaryFolder folder_;
  const files::Image picture_ = datasets::landscape(width, height, 3);
  const TokenOrder order_ = hilbert_order({1, height, width});
  const datasets::PixelTokens tokens_ =
      datasets::project(picture_, datasets::local_features(picture_), order_, {.heads = 3, .head_dim = 16});
  files::TensorFile file_;
};

TEST_F(CaptureFile, brings_tensors_order_picture_and_options) {
  const Capture capture = read();
  EXPECT_EQ(capture.name, "layer 7, step 5 of 9 (time 0.5)");
  EXPECT_EQ(capture.picture, picture_);
  EXPECT_EQ(capture.order.to_raster(), order_.to_raster());
  EXPECT_TRUE(std::ranges::equal(capture.tokens.key.flat(), tokens_.key.flat()));
  EXPECT_EQ(capture.options.block_size, 4);
  EXPECT_EQ(capture.options.top_k, (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(capture.options.coverage, Coverage::disjoint);
}

TEST_F(CaptureFile, of_a_dense_model_is_shown_with_one_level) {
  file_.metadata["levels"] = "0";
  file_.metadata["top_k"] = "";
  const Capture capture = read();
  EXPECT_EQ(capture.options.levels, 1);
  EXPECT_EQ(capture.options.block_size, 16);
}

TEST_F(CaptureFile, is_compared_as_it_is_and_shown_where_the_model_s_attention_is_worst) {
  const Capture capture = read();
  ThreadPool threads(2);
  const auto attention = make_attention<float>("reference", threads);
  const CaptureResult result = compare_methods(capture, *attention, threads, [](const std::string&) {});
  ASSERT_EQ(result.results.size(), 4u);
  EXPECT_EQ(result.results[captured_llsa].method.name, "LLSA, 2 levels, disjoint");
  EXPECT_EQ(result.results[captured_other_coverage].method.name, "LLSA, 2 levels, overlapping");
  // 143 tokens in blocks of 4: 9 at level 2, which are 3 blocks; with 3 fine blocks and 2 blocks of candidates, 8.
  EXPECT_EQ(result.results[captured_blocks_only].method.name, "top-8 blocks only");

  // The same tensors by themselves, head by head.
  std::vector<double> errors;
  for (std::int64_t head = 0; head < 3; ++head) {
    datasets::PixelTokens one;
    for (const auto& [from, to] : {std::pair(&tokens_.query, &one.query), std::pair(&tokens_.key, &one.key),
                                   std::pair(&tokens_.value, &one.value)}) {
      *to = Tensor<float>({1, 1, from->shape().tokens, from->shape().dim});
      const auto begin = from->flat().begin() + head * from->shape().tokens * from->shape().dim;
      std::copy_n(begin, to->flat().size(), to->flat().begin());
    }
    const auto alone = run_methods(one, methods_around(capture.options, order_.size()), *attention, threads,
                                   [](const std::string&) {});
    errors.push_back(alone[captured_llsa].relative_l2);
    if (head != result.head) continue;
    // Nowhere in this head is the output farther off than at the query that is shown.
    const auto distance = [&](std::int64_t i) {
      double sum = 0;
      for (std::int64_t d = 0; d < 16; ++d)
        sum += std::pow(alone[captured_llsa].output(0, 0, i, d) - alone[dense_method].output(0, 0, i, d), 2);
      return sum;
    };
    const std::int64_t shown =
        order_.from_raster()[static_cast<std::size_t>(result.query.row * width + result.query.column)];
    for (std::int64_t i = 0; i < order_.size(); ++i) EXPECT_LE(distance(i), distance(shown) * (1 + 1e-5));
  }
  EXPECT_EQ(std::ranges::max_element(errors) - errors.begin(), result.head);
}

TEST_F(CaptureFile, is_refused_when_it_does_not_fit_its_picture_or_itself) {
  const files::TensorFile good = file_;
  const auto problem_with = [&](const char* key, const char* text) {
    file_ = good;
    file_.metadata[key] = text;
    return problem();
  };
  EXPECT_NE(problem_with("grid", "13x11").find("has a grid of 13x11 tokens; the picture has 11x13"), std::string::npos);
  EXPECT_NE(problem_with("order", "spiral").find("spiral"), std::string::npos);
  EXPECT_NE(problem_with("layout", "tokens,dim").find("layout"), std::string::npos);
  EXPECT_NE(problem_with("top_k", "0").find("top_k"), std::string::npos);
  EXPECT_NE(problem_with("block_size", "1").find("block_size"), std::string::npos);
  file_ = good;
  file_.metadata.erase("grid");
  EXPECT_NE(problem().find("has no metadata 'grid'"), std::string::npos);
  file_ = good;
  file_.tensors.pop_back();
  EXPECT_NE(problem().find("v"), std::string::npos);
  file_ = good;
  for (auto& tensor : file_.tensors) tensor = tensor.reshaped({3, 1, 143, 16});
  EXPECT_NE(problem().find("holds 3 pictures"), std::string::npos);
  file_ = good;
  for (auto& tensor : file_.tensors) tensor = tensor.reshaped({1, 1, 429, 16});
  EXPECT_NE(problem().find("429"), std::string::npos);
}

}  // namespace
}  // namespace llsa::demo

// The demo's figures, call by call, against kept ones (tests/kept/demo).
#include "demo/figures.hpp"

#include <gtest/gtest.h>

#include "backends/backends.hpp"
#include "datasets/procedural.hpp"
#include "support/kept_text.hpp"
#include "support/temporary_folder.hpp"

namespace llsa::demo {
namespace {

/// A small picture that is not square, and every method on it.
struct Scene {
  static constexpr int width = 20, height = 16;
  files::Image picture = datasets::landscape(width, height, 3);
  TokenOrder order = morton_order({1, height, width});
  ThreadPool threads{1};
  datasets::ProjectionOptions projection{.heads = 1, .head_dim = 16};
  datasets::PixelTokens tokens = datasets::project(picture, datasets::local_features(picture), order, projection);
  std::vector<MethodResult> results =
      run_methods(tokens, methods_to_compare(order.size(), 3), *make_attention<float>("reference", threads), threads,
                  [](const std::string&) {});
  reference::Pyramid<float> key = reference::pool(tokens.key.cview(), results[two_levels].options.key, threads);
  QueryContext context{picture, tokens, order, key};
};

class Figures : public testing::Test {
 protected:
  template <class Draw>
  void expect_kept(const std::string& name, Draw&& draw) {
    const auto path = folder_ / (name + ".scene");
    draw(path);
    EXPECT_EQ(room::differs_from_kept("demo/" + name, room::read_text(path)), "");
  }
  room::TemporaryFolder folder_;
};

TEST_F(Figures, of_one_query_are_as_kept) {
  Scene s;
  const datasets::Pixel query{5, 13};
  expect_kept("selection", [&](const auto& path) { draw_selection(path, s.context, s.results[two_levels], 0, query); });
  expect_kept("attention", [&](const auto& path) {
    draw_attention(path, s.context, s.results, {one_level, two_levels, blocks_only}, 0, query);
  });
}

TEST_F(Figures, of_all_pixels_are_as_kept) {
  Scene s;
  expect_kept("outputs", [&](const auto& path) { draw_outputs(path, s.context, s.results, s.projection); });
  expect_kept("errors", [&](const auto& path) { draw_errors(path, s.context, s.results); });
}

TEST_F(Figures, of_a_picture_being_formed_are_as_kept) {
  Scene s;
  std::vector<Capture> forming;
  for (int i = 0; i < 6; ++i)
    forming.push_back({"layer " + std::to_string(i),
                       s.tokens,
                       s.order,
                       s.picture,
                       {.block_size = 4, .levels = 1 + i % 3, .top_k = {2}}});
  expect_kept("forming", [&](const auto& path) { draw_forming(path, forming, 0, {9, 4}, s.threads); });
}

TEST_F(Figures, of_times_continue_dense_attention_quadratically) {
  const std::vector<ScalingPoint> points = {
      {.tokens = 1024, .llsa = {0.001, 0.003, 0.002}, .dense = {0.004, 0.004, 0.005}},
      {.tokens = 4096, .llsa = {0.004, 0.005, 0.006}, .dense = {0.07, 0.06, 0.05}},
      {.tokens = 16384, .llsa = {0.02, 0.02, 0.03}},
      {.tokens = 65536, .llsa = {0.09, 0.08, 0.1}}};
  expect_kept("scaling", [&](const auto& path) { draw_scaling(path, points); });
}

}  // namespace
}  // namespace llsa::demo

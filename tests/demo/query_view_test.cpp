#include "demo/query_view.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "backends/backends.hpp"
#include "compare/keys_per_query.hpp"
#include "datasets/procedural.hpp"
#include "reference/naive.hpp"

namespace llsa::demo {
namespace {

/// The whole computation on a small ragged picture, made once.
struct Scene {
  static constexpr int width = 23, height = 19;
  files::Image picture = datasets::landscape(width, height, 1);
  TokenOrder order = morton_order({1, height, width});
  ThreadPool threads{2};
  datasets::PixelTokens tokens =
      datasets::project(picture, datasets::local_features(picture), order, {.heads = 2, .head_dim = 16});
  std::vector<MethodResult> results =
      run_methods(tokens, methods_to_compare(order.size(), 3), *make_attention<float>("reference", threads), threads,
                  [](const std::string&) {});
  reference::Pyramid<float> key = reference::pool(tokens.key.cview(), results[two_levels].options.key, threads);
  QueryContext context{picture, tokens, order, key};
};
Scene& scene() {
  static Scene made;
  return made;
}

double sum(const std::vector<float>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

TEST(QueryView, probabilities_sum_to_one_for_every_method) {
  const Scene& s = scene();
  for (const datasets::Pixel pixel : {datasets::Pixel{0, 0}, datasets::Pixel{18, 22}, datasets::Pixel{7, 11}}) {
    EXPECT_NEAR(sum(dense_probabilities(s.context, s.results[dense_method].options, 1, pixel)), 1, 1e-5);
    for (const MethodIndex index : {one_level, one_level_disjoint, two_levels, two_levels_disjoint, blocks_only})
      EXPECT_NEAR(sum(sparse_probabilities(s.context, s.results[index], 1, pixel)), 1, 1e-5) << index;
  }
}

TEST(QueryView, probabilities_give_every_method_s_output) {
  // A coarse value is the mean of its pixels' values, so values weighted by the map, pixel by pixel, are the output
  // row.
  const Scene& s = scene();
  const datasets::Pixel pixel{9, 14};
  const std::int64_t i = s.context.token_at(pixel);
  for (std::size_t method = dense_method; method <= blocks_only; ++method) {
    const MethodResult& result = s.results[method];
    const auto map = method == dense_method ? dense_probabilities(s.context, result.options, 1, pixel)
                                            : sparse_probabilities(s.context, result, 1, pixel);
    for (std::int64_t d = 0; d < 16; ++d) {
      double expected = 0;
      for (std::int64_t j = 0; j < s.order.size(); ++j)
        expected += map[static_cast<std::size_t>(s.order.to_raster()[static_cast<std::size_t>(j)])] *
                    s.tokens.value(0, 1, j, d);
      EXPECT_NEAR(result.output(0, 1, i, d), expected, 1e-4) << result.method.name;
    }
  }
}

TEST(QueryView, the_picture_as_a_query_meets_it_is_exact_where_it_looks_closely) {
  const Scene& s = scene();
  const MethodResult& result = s.results[two_levels];
  const datasets::Pixel pixel{3, 5};
  const std::int64_t i = s.context.token_at(pixel);
  const files::Image seen = seen_by(s.context, result, 0, pixel);
  std::size_t exact = 0;
  for (const reference::AttendedKey& key : reference::naive_key_set(result.selection, result.options, 0, i)) {
    if (key.level != 0) continue;
    const auto raster = s.order.to_raster()[static_cast<std::size_t>(key.token)];
    const int x = static_cast<int>(raster % Scene::width), y = static_cast<int>(raster / Scene::width);
    for (int c = 0; c < 3; ++c) EXPECT_EQ(seen.pixel(x, y)[c], s.picture.pixel(x, y)[c]);
    ++exact;
  }
  EXPECT_GT(exact, 0u);
  EXPECT_LT(exact, static_cast<std::size_t>(s.order.size()));
  EXPECT_NE(seen, s.picture);
}

TEST(Methods, fine_mass_is_dense_attention_s_probability_of_the_fine_keys) {
  const Scene& s = scene();
  for (const MethodIndex index : {one_level, two_levels_disjoint, blocks_only}) {
    const MethodResult& result = s.results[index];
    double total = 0;
    for (std::int64_t head = 0; head < 2; ++head)
      for (std::int64_t i = 0; i < s.order.size(); ++i) {
        const auto raster = static_cast<int>(s.order.to_raster()[static_cast<std::size_t>(i)]);
        const auto map = dense_probabilities(s.context, s.results[dense_method].options, head,
                                             {raster / Scene::width, raster % Scene::width});
        for (const reference::AttendedKey& key : reference::naive_key_set(result.selection, result.options, head, i))
          if (key.level == 0)
            total += map[static_cast<std::size_t>(s.order.to_raster()[static_cast<std::size_t>(key.token)])];
      }
    EXPECT_NEAR(result.fine_mass, total / static_cast<double>(2 * s.order.size()), 1e-4) << index;
  }
}

TEST(Methods, keys_per_query_is_the_mean_size_of_the_key_sets) {
  const Scene& s = scene();
  for (const MethodIndex index : {one_level, one_level_disjoint, two_levels, two_levels_disjoint, blocks_only}) {
    const MethodResult& result = s.results[index];
    double total = 0;
    for (std::int64_t head = 0; head < 2; ++head)
      for (std::int64_t i = 0; i < s.order.size(); ++i)
        total += static_cast<double>(reference::naive_key_set(result.selection, result.options, head, i).size());
    EXPECT_NEAR(result.keys_per_query, total / static_cast<double>(2 * s.order.size()), 1e-9) << index;
    EXPECT_NEAR(compare::keys_per_query(result.selection, result.options, 2), result.keys_per_query, 1e-12);
  }
}

TEST(Methods, errors_against_dense_attention_agree_with_the_error_map) {
  const Scene& s = scene();
  const MethodResult &result = s.results[two_levels], &dense = s.results[dense_method];
  const std::vector<float> map = error_per_pixel(result, dense, s.order);
  double squares = 0, norm = 0, lse = 0;
  for (std::int64_t i = 0; i < s.order.size(); ++i) {
    double row = 0;
    for (std::int64_t head = 0; head < 2; ++head) {
      for (std::int64_t d = 0; d < 16; ++d) row += std::pow(dense.output(0, head, i, d), 2);
      lse += std::abs(result.lse(0, head, i, 0) - dense.lse(0, head, i, 0));
    }
    squares += std::pow(map[static_cast<std::size_t>(s.order.to_raster()[static_cast<std::size_t>(i)])], 2) * row;
    norm += row;
  }
  EXPECT_NEAR(result.relative_l2, std::sqrt(squares / norm), 1e-4);
  EXPECT_NEAR(result.mean_lse_error, lse / static_cast<double>(2 * s.order.size()), 1e-5);
  EXPECT_GE(result.max_lse_error, result.mean_lse_error);
  EXPECT_EQ(error_per_pixel(dense, dense, s.order), std::vector<float>(map.size(), 0.0F));
}

}  // namespace
}  // namespace llsa::demo

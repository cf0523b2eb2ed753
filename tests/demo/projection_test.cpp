#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "datasets/orthonormal.hpp"
#include "datasets/pixel_projection.hpp"
#include "datasets/procedural.hpp"
#include "llsa/error.hpp"

namespace llsa::demo {
namespace {

double dot(const datasets::PixelTokens& tokens, std::int64_t head, std::int64_t i, std::int64_t j) {
  double sum = 0;
  for (std::int64_t d = 0; d < tokens.query.shape().dim; ++d)
    sum += static_cast<double>(tokens.query(0, head, i, d)) * static_cast<double>(tokens.key(0, head, j, d));
  return sum / std::sqrt(static_cast<double>(tokens.query.shape().dim));
}

TEST(Features, are_standardised_over_the_picture) {
  const datasets::Features features = datasets::local_features(datasets::landscape(24, 17, 3));
  ASSERT_EQ(features.values.size(), 24u * 17u * datasets::feature_count);
  for (int channel = 0; channel < datasets::feature_count; ++channel) {
    double sum = 0, squares = 0;
    for (int row = 0; row < 17; ++row)
      for (int column = 0; column < 24; ++column) {
        const double value = features.of(row, column)[channel];
        sum += value;
        squares += value * value;
      }
    EXPECT_NEAR(sum / (24 * 17), 0, 1e-5) << channel;
    EXPECT_NEAR(squares / (24 * 17), 1, 1e-4) << channel;
  }
}

TEST(Features, are_means_and_contrasts_of_the_neighbourhood) {
  // One bright pixel: the 3 x 3 features differ from the rest exactly around it, the 9 x 9 ones up to four pixels away.
  files::Image picture(21, 21);
  std::fill_n(picture.pixel(10, 10), 3, std::uint8_t{255});
  const datasets::Features features = datasets::local_features(picture);
  for (int distance = 0; distance < 9; ++distance) {
    const float* here = features.of(10, 10 + distance);
    const float* far = features.of(0, 0);
    for (const int channel : {0, 3}) EXPECT_EQ(here[channel] > far[channel] + 1, distance <= 1) << distance;
    for (const int channel : {4, 7}) EXPECT_EQ(here[channel] > far[channel] + 1, distance <= 4) << distance;
  }
  for (const int grey_channel : {1, 2, 5, 6}) EXPECT_EQ(features.of(10, 10)[grey_channel], 0);
}

TEST(Features, of_a_constant_picture_are_zero) {
  files::Image picture(6, 5);
  std::ranges::fill(picture.rgb, std::uint8_t{77});
  for (const float value : datasets::local_features(picture).values) EXPECT_EQ(value, 0);
}

TEST(Projection, random_matrices_have_orthonormal_columns_and_follow_the_seed) {
  const auto matrix = datasets::orthonormal_columns(32, 9, 5);
  for (std::size_t a = 0; a < 9; ++a)
    for (std::size_t b = 0; b < 9; ++b) {
      double sum = 0;
      for (std::size_t row = 0; row < 32; ++row) sum += matrix[row * 9 + a] * matrix[row * 9 + b];
      EXPECT_NEAR(sum, a == b, 1e-12);
    }
  EXPECT_EQ(matrix, datasets::orthonormal_columns(32, 9, 5));
  EXPECT_NE(matrix, datasets::orthonormal_columns(32, 9, 6));
}

TEST(Projection, a_pixel_scores_the_sharpness_with_itself_and_less_with_any_other) {
  const files::Image picture = datasets::landscape(16, 16, 1);
  const datasets::PixelTokens tokens =
      datasets::project(picture, datasets::local_features(picture), morton_order({1, 16, 16}),
                        {.heads = 4, .head_dim = 32, .sharpness = 12});
  for (std::int64_t head = 0; head < 4; ++head)
    for (std::int64_t i = 0; i < 256; i += 17) {
      EXPECT_NEAR(dot(tokens, head, i, i), 12, 1e-3);
      for (std::int64_t j = 0; j < 256; j += 7) EXPECT_TRUE(j == i || dot(tokens, head, i, j) < 12.001);
    }
}

TEST(Projection, scores_of_equal_pixels_depend_on_their_offset_alone) {
  files::Image picture(12, 12);
  const datasets::PixelTokens tokens = datasets::project(picture, datasets::local_features(picture),
                                                         raster_order({1, 12, 12}), {.heads = 1, .head_dim = 64});
  const auto score = [&](int row_a, int column_a, int row_b, int column_b) {
    return dot(tokens, 0, row_a * 12 + column_a, row_b * 12 + column_b);
  };
  EXPECT_NEAR(score(0, 0, 3, 2), score(5, 7, 8, 9), 1e-4);
  EXPECT_NEAR(score(0, 0, 3, 2), score(8, 9, 5, 7), 1e-4);
  EXPECT_LT(score(0, 0, 11, 0), score(0, 0, 1, 0));
  EXPECT_LT(score(0, 0, 0, 11), score(0, 0, 0, 1));
}

TEST(Projection, tokens_follow_the_order) {
  const files::Image picture = datasets::landscape(9, 7, 2);
  const datasets::Features features = datasets::local_features(picture);
  const TokenOrder order = morton_order({1, 7, 9});
  const datasets::ProjectionOptions options{.heads = 2, .head_dim = 16};
  const datasets::PixelTokens raster = datasets::project(picture, features, raster_order({1, 7, 9}), options);
  const datasets::PixelTokens morton = datasets::project(picture, features, order, options);
  for (std::int64_t i = 0; i < order.size(); ++i)
    for (std::int64_t d = 0; d < 16; ++d) {
      const std::int64_t from = order.to_raster()[static_cast<std::size_t>(i)];
      EXPECT_EQ(morton.query(0, 1, i, d), raster.query(0, 1, from, d));
      EXPECT_EQ(morton.value(0, 1, i, d), raster.value(0, 1, from, d));
    }
}

TEST(Projection, colours_come_back_from_values_exactly) {
  const files::Image picture = datasets::landscape(13, 11, 4);
  const TokenOrder order = hilbert_order({1, 11, 13});
  const datasets::ProjectionOptions options{.heads = 3, .head_dim = 48, .seed = 9};
  const datasets::PixelTokens tokens = datasets::project(picture, datasets::local_features(picture), order, options);
  for (std::int64_t head = 0; head < 3; ++head)
    EXPECT_EQ(colors_of(tokens.value.view().head(head), head, order, 13, 11, options), picture);
}

TEST(Projection, default_query_pixels_are_distinct_and_inside) {
  for (const int size : {8, 9, 40}) {
    const auto pixels = datasets::distinct_pixels(datasets::local_features(datasets::landscape(size, size, 1)), 3);
    ASSERT_EQ(pixels.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_TRUE(pixels[i].row >= 0 && pixels[i].row < size && pixels[i].column >= 0 && pixels[i].column < size);
      for (std::size_t j = 0; j < i; ++j)
        EXPECT_TRUE(pixels[i].row != pixels[j].row || pixels[i].column != pixels[j].column);
    }
  }
}

TEST(Projection, options_out_of_range_are_errors) {
  EXPECT_THROW(validate(datasets::ProjectionOptions{.heads = 0}), Error);
  EXPECT_THROW(validate(datasets::ProjectionOptions{.heads = 65}), Error);
  EXPECT_THROW(validate(datasets::ProjectionOptions{.head_dim = 24}), Error);
  EXPECT_THROW(validate(datasets::ProjectionOptions{.head_dim = 0}), Error);
  EXPECT_THROW(validate(datasets::ProjectionOptions{.sharpness = 0}), Error);
  EXPECT_THROW(validate(datasets::ProjectionOptions{.sharpness = std::nan("")}), Error);
}

}  // namespace
}  // namespace llsa::demo

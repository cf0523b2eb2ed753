// Pictures as attention problems: the random projections, the features of flat pictures, and which pixels are shown.
#include <gtest/gtest.h>

#include <cmath>

#include "datasets/orthonormal.hpp"
#include "datasets/pixel_projection.hpp"
#include "files/support.hpp"

namespace llsa::datasets {
namespace {

TEST(Orthonormal, one_column_is_the_normal_numbers_of_splitmix64_made_unit_length) {
  // The first outputs of splitmix64 from seed 0, as its authors publish them.
  const std::uint64_t words[] = {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f, 0xf88bb8a8724c81ec};
  const auto uniform = [&](int i) { return static_cast<double>(words[i] >> 11) / 9007199254740992.0; };
  const auto normal = [&](int i) {
    return std::sqrt(-2 * std::log(1 - uniform(2 * i))) * std::cos(2 * M_PI * uniform(2 * i + 1));
  };
  const double length = std::hypot(normal(0), normal(1));
  const std::vector<double> column = orthonormal_columns(2, 1, 0);
  ASSERT_EQ(column.size(), 2u);
  EXPECT_NEAR(column[0], normal(0) / length, 1e-14);
  EXPECT_NEAR(column[1], normal(1) / length, 1e-14);
}

TEST(PixelFeatures, are_finite_for_flat_pictures_of_any_colour) {
  for (int colour = 0; colour < 256; colour += 5) {
    const auto byte = static_cast<std::uint8_t>(colour);
    const Features features =
        local_features(files::testing::flat(13, 11, byte, static_cast<std::uint8_t>(255 - colour), 77));
    for (const float value : features.values) ASSERT_TRUE(std::isfinite(value)) << colour;
  }
}

TEST(DistinctPixels, begin_in_the_middle_and_are_centres_of_cells_of_a_grid_of_twelve_inside_the_border) {
  files::Image picture = files::testing::noise(72, 48, 3);
  const std::vector<Pixel> pixels = distinct_pixels(local_features(picture), 9);
  ASSERT_EQ(pixels.size(), 9u);
  EXPECT_EQ(pixels[0].row, 26);
  EXPECT_EQ(pixels[0].column, 39);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    bool is_place = false;
    for (int y = 1; y < 11; ++y)
      for (int x = 1; x < 11; ++x) is_place |= pixels[i].row == (2 * y + 1) * 2 && pixels[i].column == (2 * x + 1) * 3;
    EXPECT_TRUE(is_place) << pixels[i].row << " " << pixels[i].column;
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_FALSE(pixels[i].row == pixels[j].row && pixels[i].column == pixels[j].column);
  }
}

}  // namespace
}  // namespace llsa::datasets

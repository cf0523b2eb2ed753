#include "datasets/procedural.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "../files/support.hpp"

namespace llsa::datasets {
namespace {

using namespace files::testing;
using files::square;

std::uint64_t fingerprint(const files::Image& image) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (const std::uint8_t byte : image.rgb) hash = (hash ^ byte) * 0x100000001b3ull;
  return hash;
}

double mean_difference(const files::Image& a, const files::Image& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(static_cast<int>(a.rgb[i]) - b.rgb[i]);
  return sum / static_cast<double>(a.rgb.size());
}

TEST(Procedural, the_bytes_are_the_same_on_every_platform_and_in_every_version) {
  EXPECT_EQ(fingerprint(landscape(96, 64, 1)), 11867074513757962478u);
  EXPECT_EQ(fingerprint(landscape(33, 33, 2)), 14720576773031143457u);
  std::uint64_t all = 0;
  for (std::uint64_t i = 0; i < 2 * shape_classes().size(); ++i)
    all = all * 31 + fingerprint(shape_picture(square(32), 7, i));
  EXPECT_EQ(all, 3189113009933002604u);
}

TEST(Procedural, a_picture_depends_on_its_seed_and_index_alone) {
  EXPECT_EQ(landscape(40, 30, 5), landscape(40, 30, 5));
  EXPECT_NE(landscape(40, 30, 5), landscape(40, 30, 6));
  const files::Image before = shape_picture(square(16), 3, 12);
  shape_picture(square(16), 3, 13);
  EXPECT_EQ(shape_picture(square(16), 3, 12), before);
  std::set<std::uint64_t> seen;
  for (std::uint64_t i = 0; i < 300; ++i) seen.insert(fingerprint(shape_picture(square(8), 3, i)));
  for (std::uint64_t i = 0; i < 300; ++i) seen.insert(fingerprint(shape_picture(square(8), 4, i)));
  EXPECT_EQ(seen.size(), 600u);
}

TEST(Procedural, the_scene_does_not_depend_on_the_resolution) {
  EXPECT_LT(mean_difference(files::resize(landscape(256, 256, 3), 64, 64), landscape(64, 64, 3)), 6);
  EXPECT_LT(mean_difference(files::resize(landscape(240, 80, 3), 60, 20), landscape(60, 20, 3)), 8);
  for (std::uint64_t i = 0; i < 30; ++i)
    EXPECT_LT(mean_difference(files::resize(shape_picture(square(128), 1, i), 32, 32), shape_picture(square(32), 1, i)),
              9)
        << i;
}

TEST(Procedural, labels_follow_each_other_and_have_names) {
  const auto names = shape_classes();
  ASSERT_GE(names.size(), 8u);
  EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
  for (std::uint64_t i = 0; i < 3 * names.size(); ++i) EXPECT_EQ(shape_label(i), static_cast<int>(i % names.size()));
}

TEST(Procedural, figures_and_grounds_differ_clearly_at_any_size) {
  for (const int size : {8, 16, 32})
    for (std::uint64_t i = 0; i < 60; ++i) {
      const files::Image image = shape_picture(square(size), 11, i);
      int darkest = 255 * 3, brightest = 0;
      for (std::size_t p = 0; p < image.rgb.size(); p += 3) {
        const int sum = image.rgb[p] + image.rgb[p + 1] + image.rgb[p + 2];
        darkest = std::min(darkest, sum);
        brightest = std::max(brightest, sum);
      }
      EXPECT_GT(brightest - darkest, 75) << size << " " << i;
    }
}

TEST(Procedural, classes_cover_the_area_that_their_figures_have) {
  const auto names = shape_classes();
  // The share of pixels that are less like the upper left corner than like what is least like it.
  const auto covered = [&](std::string_view name) {
    const auto label = static_cast<std::uint64_t>(std::ranges::find(names, name) - names.begin());
    constexpr int pictures = 60, size = 32;
    int count = 0;
    for (std::uint64_t k = 0; k < pictures; ++k) {
      const files::Image image = shape_picture(square(size), 5, label + k * names.size());
      const auto from_corner = [&](std::size_t p) {
        int distance = 0;
        for (std::size_t c = 0; c < 3; ++c) distance += std::abs(image.rgb[p + c] - image.rgb[c]);
        return distance;
      };
      int farthest = 0;
      for (std::size_t p = 0; p < image.rgb.size(); p += 3) farthest = std::max(farthest, from_corner(p));
      for (std::size_t p = 0; p < image.rgb.size(); p += 3) count += 2 * from_corner(p) > farthest;
    }
    return static_cast<double>(count) / (size * size * pictures);
  };
  EXPECT_NEAR(covered("circle"), 3.1416 * 0.28 * 0.28, 0.04);
  EXPECT_NEAR(covered("square"), 4 * 0.246 * 0.246, 0.04);
  EXPECT_NEAR(covered("triangle"), 1.9 * 1.9 * 0.31 * 0.31 / 1.732, 0.04);
  EXPECT_NEAR(covered("cross"), 4 * 0.36 * (2.2 - 0.36) * 0.3 * 0.3, 0.04);
  EXPECT_NEAR(covered("ring"), 3.1416 * 0.31 * 0.31 * (1.1 * 1.1 - 0.62 * 0.62), 0.04);
  EXPECT_NEAR(covered("stripes"), 0.5, 0.06);
  EXPECT_NEAR(covered("checkers"), 0.5, 0.06);
}

TEST(Procedural, impossible_sizes_are_refused) {
  EXPECT_EQ(landscape(1, 1, 0).rgb.size(), 3u);
  EXPECT_EQ(error_of([] { landscape(0, 5, 0); }), "a picture of 0 x 5 pixels; both must be at least 1");
  EXPECT_EQ(error_of([] { landscape(5, -1, 0); }), "a picture of 5 x -1 pixels; both must be at least 1");
  EXPECT_EQ(error_of([] { shape_picture(square(0), 0, 0); }), "a picture of 0 x 0 pixels; both must be at least 1");
  EXPECT_EQ(error_of([] { shape_picture(square(100'000), 0, 0); }),
            "a picture of 100000 x 100000 pixels; at most 67108864 pixels are allowed");
}

}  // namespace
}  // namespace llsa::datasets

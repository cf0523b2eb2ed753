// The generated landscapes: what they are a function of, and that the eye can tell their classes apart.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <set>
#include <vector>

#include "../files/support.hpp"
#include "datasets/procedural.hpp"

namespace llsa::datasets {
namespace {

using namespace files::testing;
using files::square;

int distance(const files::Image& a, const files::Image& b) {
  int sum = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) sum += std::abs(static_cast<int>(a.rgb[i]) - b.rgb[i]);
  return sum;
}

/// Mean of red, green or blue over rows `first` to `last` of pictures of one class.
double mean_of(std::string_view name, int channel, double first, double last) {
  const auto names = landscape_classes();
  const auto label = static_cast<std::uint64_t>(std::ranges::find(names, name) - names.begin());
  constexpr int size = 16, pictures = 40;
  double sum = 0, count = 0;
  for (std::uint64_t k = 0; k < pictures; ++k) {
    const files::Image image = landscape_picture(square(size), 3, label + k * names.size());
    for (int y = static_cast<int>(first * size); y < static_cast<int>(last * size); ++y)
      for (int x = 0; x < size; ++x, ++count) sum += image.pixel(x, y)[channel];
  }
  return sum / count;
}

TEST(LandscapePicture, the_bytes_are_the_same_on_every_platform_and_in_every_version) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (std::uint64_t i = 0; i < 24; ++i)
    for (const std::uint8_t byte : landscape_picture(square(32), 7, i).rgb) hash = (hash ^ byte) * 0x100000001b3ull;
  EXPECT_EQ(hash, 2316112102570719562u);
}

TEST(LandscapePicture, it_depends_on_its_seed_and_index_alone) {
  const files::Image before = landscape_picture(square(16), 3, 12);
  landscape_picture(square(16), 3, 13);
  EXPECT_EQ(landscape_picture(square(16), 3, 12), before);
  std::set<std::vector<std::uint8_t>> seen;
  for (std::uint64_t i = 0; i < 150; ++i)
    for (const std::uint64_t seed : {3, 4}) seen.insert(landscape_picture(square(8), seed, i).rgb);
  EXPECT_EQ(seen.size(), 300u);
}

TEST(LandscapePicture, the_scene_does_not_depend_on_the_resolution) {
  for (std::uint64_t i = 0; i < 24; ++i)
    for (const int size : {16, 64}) {
      const files::Image large = files::resize(landscape_picture(square(4 * size), 1, i), size, size);
      EXPECT_LT(distance(large, landscape_picture(square(size), 1, i)), 5 * 3 * size * size) << i << " at " << size;
    }
}

TEST(LandscapePicture, labels_follow_each_other_and_have_names) {
  const auto names = landscape_classes();
  ASSERT_EQ(names.size(), 6u);
  EXPECT_EQ(std::set<std::string_view>(names.begin(), names.end()).size(), names.size());
  for (std::uint64_t i = 0; i < 3 * names.size(); ++i)
    EXPECT_EQ(landscape_label(i), static_cast<int>(i % names.size()));
}

TEST(LandscapePicture, the_nearest_of_other_pictures_mostly_has_the_same_class) {
  constexpr int size = 16;
  constexpr std::uint64_t known = 900, asked = 120;
  std::vector<files::Image> pictures;
  for (std::uint64_t i = 0; i < known; ++i) pictures.push_back(landscape_picture(square(size), 1, i));
  int right = 0;
  for (std::uint64_t i = 0; i < asked; ++i) {
    const files::Image image = landscape_picture(square(size), 2, i);
    const auto nearest =
        std::ranges::min_element(pictures, {}, [&](const files::Image& other) { return distance(image, other); });
    EXPECT_GT(distance(image, *nearest), 0);
    right += landscape_label(static_cast<std::uint64_t>(nearest - pictures.begin())) == landscape_label(i);
  }
  EXPECT_GT(right, 0.7 * asked);
}

TEST(LandscapePicture, the_ground_has_the_colour_of_its_season_or_place) {
  const auto redness = [](std::string_view name) { return mean_of(name, 0, 0.75, 1) - mean_of(name, 1, 0.75, 1); };
  EXPECT_LT(redness("meadow"), 0) << "grass";
  EXPECT_GT(redness("autumn"), 10) << "leaves";
  EXPECT_GT(redness("desert"), 20) << "sand";
  EXPECT_GT(mean_of("winter", 2, 0.75, 1), mean_of("meadow", 2, 0.75, 1) + 40) << "snow";
  EXPECT_GT(mean_of("coast", 2, 0.56, 0.72), mean_of("coast", 0, 0.56, 0.72) + 30) << "water";
  EXPECT_GT(mean_of("lake", 2, 0.6, 0.7), mean_of("meadow", 2, 0.6, 0.7) + 10) << "water";
}

TEST(LandscapePicture, impossible_sizes_are_refused) {
  EXPECT_EQ(landscape_picture(square(1), 0, 0).rgb.size(), 3u);
  EXPECT_EQ(error_of([] { landscape_picture(square(0), 0, 0); }), "a picture of 0 x 0 pixels; both must be at least 1");
  EXPECT_EQ(error_of([] { landscape_picture(square(100'000), 0, 0); }),
            "a picture of 100000 x 100000 pixels; at most 67108864 pixels are allowed");
}

}  // namespace
}  // namespace llsa::datasets

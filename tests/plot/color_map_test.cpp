#include "plot/color_map.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "llsa/error.hpp"

namespace llsa::plot {
namespace {

TEST(ColorMap, luminance_of_a_sequential_map_never_falls_and_spans_dark_to_light) {
  for (const char* name : {"viridis", "magma", "cividis"}) {
    const auto& table = color_map(name).table();
    for (int i = 1; i < ColorMap::size; ++i)
      EXPECT_GE(luminance(table[i]), luminance(table[i - 1])) << name << " entry " << i;
    EXPECT_LT(luminance(table[0]), 0.05) << name;
    EXPECT_GT(luminance(table[255]), 0.7) << name;
  }
}

TEST(ColorMap, steps_of_a_map_look_equally_large) {
  // Cube-rooted luminance is close to perceived lightness; 16 equal steps of the value must be equal in it.
  for (const char* name : {"viridis", "magma", "cividis"}) {
    const ColorMap& map = color_map(name);
    const auto lightness = [&](double t) { return std::cbrt(luminance(map(t))); };
    const double mean = (lightness(1) - lightness(0)) / 16;
    for (int i = 0; i < 16; ++i)
      EXPECT_NEAR(lightness((i + 1) / 16.0) - lightness(i / 16.0), mean, 0.55 * mean) << name << " step " << i;
  }
}

TEST(ColorMap, a_diverging_map_is_lightest_in_the_middle_and_falls_to_both_sides) {
  const auto& table = color_map("diverging").table();
  int lightest = 0;
  for (int i = 0; i < ColorMap::size; ++i)
    if (luminance(table[i]) > luminance(table[lightest])) lightest = i;
  EXPECT_NEAR(lightest, 127.5, 6);
  for (int i = 1; i < ColorMap::size; ++i) {
    const double step = luminance(table[i]) - luminance(table[i - 1]);
    EXPECT_GE(i <= lightest ? step : -step, 0) << i;
  }
  EXPECT_GT(table[0].b, table[0].r);
  EXPECT_GT(table[255].r, table[255].b);
}

TEST(ColorMap, ends_are_the_first_and_last_anchor_and_entries_are_distinct) {
  EXPECT_EQ(color_map("viridis").table().front(), rgb(0x440154));
  EXPECT_EQ(color_map("viridis").table().back(), rgb(0xfde725));
  for (const std::string& name : color_map_names()) {
    const auto& table = color_map(name).table();
    for (int i = 2; i < ColorMap::size; ++i) EXPECT_FALSE(table[i] == table[i - 2]) << name << " entry " << i;
  }
}

TEST(ColorMap, positions_take_the_nearest_entry_clamped_and_nan_takes_the_missing_colour) {
  const ColorMap& map = color_map("magma");
  for (int i = 0; i < ColorMap::size; ++i) {
    EXPECT_EQ(map(i / 255.0), map.table()[i]);
    EXPECT_EQ(map((i - 0.49) / 255.0), map.table()[i]);
    EXPECT_EQ(map((i + 0.49) / 255.0), map.table()[i]);
  }
  EXPECT_EQ(map(-3), map.table().front());
  EXPECT_EQ(map(std::numeric_limits<double>::infinity()), map.table().back());
  EXPECT_EQ(map(std::numeric_limits<double>::quiet_NaN()), map.missing());
}

TEST(ColorMap, the_missing_colour_is_far_from_every_entry) {
  for (const std::string& name : color_map_names()) {
    const ColorMap& map = color_map(name);
    for (const Rgb entry : map.table()) {
      const int distance = std::abs(entry.r - map.missing().r) + std::abs(entry.g - map.missing().g) +
                           std::abs(entry.b - map.missing().b);
      EXPECT_GT(distance, 40) << name;
    }
  }
}

TEST(ColorMap, an_unknown_name_is_an_error_that_lists_the_known_ones) {
  try {
    color_map("jet");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "colour map is 'jet'; it must be one of: viridis, magma, cividis, diverging");
  }
  const Rgb grey[] = {rgb(0x808080), rgb(0x808080)};
  EXPECT_THROW(ColorMap("flat", grey, {}), Error);
  EXPECT_THROW(ColorMap("short", std::span<const Rgb>(grey, 1), {}), Error);
}

}  // namespace
}  // namespace llsa::plot

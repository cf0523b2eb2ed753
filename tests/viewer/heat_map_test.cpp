#include "viewer/model/heat_map.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

namespace llsa::viewer {
namespace {

std::vector<float> any_values(bool positive) {
  return *rc::gen::nonEmpty(rc::gen::container<std::vector<float>>(rc::gen::map(
      rc::gen::inRange(positive ? 1 : -100000, 100000), [](int n) { return static_cast<float>(n) / 512.0f; })));
}

RC_GTEST_PROP(ColorScale, the_colour_bar_inverts_the_map, ()) {
  const bool is_signed = *rc::gen::arbitrary<bool>(), log = *rc::gen::arbitrary<bool>();
  const auto values = any_values(log);
  const ColorScale scale({.map = "magma", .log = log, .low = {}, .high = {}}, values, is_signed);
  for (int i = 0; i < plot::ColorMap::size; ++i) {
    const double position = static_cast<double>(i) / (plot::ColorMap::size - 1);
    const double value = scale.value_at(position);
    RC_ASSERT(std::abs(scale.position(value) - position) < 1e-9);
    RC_ASSERT(scale.color(value) == scale.color_at(position));
  }
  for (const float value : values) {
    const double position = scale.position(static_cast<double>(value));
    RC_ASSERT(position >= 0 && position <= 1);
    if (scale.range().low() <= static_cast<double>(value))
      RC_ASSERT(std::abs(scale.value_at(position) - static_cast<double>(value)) <=
                1e-6 * std::abs(static_cast<double>(value)) + 1e-9);
  }
}

RC_GTEST_PROP(ColorScale, signed_data_are_symmetric_about_zero, ()) {
  const auto values = any_values(false);
  const ColorScale scale({.map = "viridis", .log = true, .low = 3, .high = {}}, values, true);
  RC_ASSERT(scale.map().name() == "diverging");
  RC_ASSERT(scale.range().low() == -scale.range().high());
  RC_ASSERT(scale.position(0) == 0.5);
}

TEST(ColorScale, paints_every_value_in_its_colour_and_not_a_number_apart) {
  const std::vector<float> values = {0, 1, std::nanf(""), 2, std::numeric_limits<float>::infinity()};
  const ColorScale scale({}, values, false);
  EXPECT_EQ(scale.range().low(), 0);
  EXPECT_EQ(scale.range().high(), 2);
  std::vector<std::uint8_t> rgba;
  scale.paint(values, rgba, 200);
  ASSERT_EQ(rgba.size(), 20u);
  const auto at = [&](std::size_t i) { return plot::Rgb{rgba[4 * i], rgba[4 * i + 1], rgba[4 * i + 2]}; };
  EXPECT_EQ(at(0), plot::color_map("viridis").table()[0]);
  EXPECT_EQ(at(1), scale.color_at(0.5));
  EXPECT_EQ(at(2), plot::color_map("viridis").missing());
  EXPECT_EQ(at(3), plot::color_map("viridis").table()[255]);
  EXPECT_EQ(at(4), at(3));
  EXPECT_EQ(rgba[3], 200);
}

TEST(ColorScale, on_a_log_scale_zero_takes_the_low_end_and_six_decades_are_shown) {
  const std::vector<float> values = {0, 1e-20f, 1};
  const ColorScale scale({.map = "viridis", .log = true, .low = {}, .high = {}}, values, false);
  EXPECT_DOUBLE_EQ(scale.range().low(), 1e-6);
  EXPECT_EQ(scale.position(0), 0);
  EXPECT_NEAR(scale.position(1e-3), 0.5, 1e-12);
  EXPECT_EQ(scale.color(0), plot::color_map("viridis").table()[0]);
}

TEST(ColorScale, fixed_ends_hold_and_contradictory_ones_are_ignored) {
  const std::vector<float> values = {1, 5};
  const ColorScale fixed({.map = "viridis", .log = false, .low = 0, .high = 10}, values, false);
  EXPECT_EQ(fixed.position(5), 0.5);
  const ColorScale wrong({.map = "viridis", .log = false, .low = 7, .high = 2}, values, false);
  EXPECT_EQ(wrong.range().low(), 1);
  EXPECT_EQ(wrong.range().high(), 5);
}

TEST(ColorScale, without_any_finite_value_there_is_still_a_range) {
  const std::vector<float> values = {std::nanf(""), std::nanf("")};
  for (const bool log : {false, true})
    for (const bool is_signed : {false, true}) {
      const ColorScale scale({.map = "viridis", .log = log, .low = {}, .high = {}}, values, is_signed);
      EXPECT_LT(scale.range().low(), scale.range().high());
    }
}

}  // namespace
}  // namespace llsa::viewer

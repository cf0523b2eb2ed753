#include "reference/simd.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace llsa::testing {
namespace {

using namespace reference;

template <class C>
C exp2_of(C x) {
  return exp2(broadcast(x))[lanes<C> - 1];
}

/// Distance in units of the last place of the exact result.
template <class C>
double error_in_ulps(C x) {
  const double exact = std::exp2(static_cast<double>(x));
  const C rounded = static_cast<C>(exact);
  const double unit = static_cast<double>(std::nextafter(rounded, C{4})) - static_cast<double>(rounded);
  return std::abs(static_cast<double>(exp2_of(x)) - exact) / unit;
}

TEST(Exp2, is_within_two_units_in_the_last_place_where_the_result_is_normal) {
  double worst = 0;
  for (float x = -126; x <= 1; x += 0.000731f) worst = std::max(worst, error_in_ulps(x));
  for (float x = -1e-8f; x > -2; x *= 1.001f) worst = std::max(worst, error_in_ulps(x));
  EXPECT_LT(worst, 2);
  EXPECT_EQ(exp2_of(0.0f), 1);
  for (int n = 0; n <= 126; ++n) EXPECT_EQ(exp2_of(static_cast<float>(-n)), std::ldexp(1.0f, -n));
  for (double x = -1022; x <= 1; x += 0.731) EXPECT_LT(error_in_ulps(x), 2);
}

TEST(Exp2, is_zero_below_the_smallest_normal_number) {
  for (const float x : {-126.001f, -127.0f, -150.0f, -1e4f, -1e30f, -std::numeric_limits<float>::infinity()})
    EXPECT_EQ(exp2_of(x), 0) << x;
  EXPECT_EQ(exp2_of(-std::numeric_limits<double>::infinity()), 0);
}

TEST(Exp2, of_any_nan_is_nan) {
  for (const std::uint32_t bits : {0x7fc00000u, 0xffc00000u, 0x7fc00001u, 0x7fc0deadu, 0x7fffffffu, 0xffffffffu})
    EXPECT_TRUE(std::isnan(exp2_of(std::bit_cast<float>(bits)))) << std::hex << bits;
  EXPECT_TRUE(std::isnan(exp2_of(std::numeric_limits<double>::quiet_NaN())));
}

TEST(LanesBetween, sets_the_lanes_of_columns_in_the_range_and_no_others) {
  constexpr int W = lanes<float>;
  for (std::int64_t first : {0, W, 3 * W})
    for (std::int64_t begin = 0; begin <= 4 * W; ++begin)
      for (std::int64_t end = begin; end <= 4 * W; ++end) {
        const Mask<float> mask = lanes_between<float>(first, begin, end);
        for (int lane = 0; lane < W; ++lane)
          ASSERT_EQ(mask[lane], first + lane >= begin && first + lane < end ? -1 : 0);
      }
}

template <class C>
void transposes() {
  constexpr int W = lanes<C>;
  Vector<C> rows[W];
  for (int i = 0; i < W; ++i)
    for (int j = 0; j < W; ++j) rows[i][j] = static_cast<C>(100 * i + j);
  transpose_vectors<C>(rows);
  for (int i = 0; i < W; ++i)
    for (int j = 0; j < W; ++j) EXPECT_EQ(rows[i][j], static_cast<C>(100 * j + i));
}

TEST(TransposeVectors, swaps_rows_and_columns) {
  transposes<float>();
  transposes<double>();
}

}  // namespace
}  // namespace llsa::testing

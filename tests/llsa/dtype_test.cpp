#include "llsa/dtype.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include "support/check.hpp"

namespace llsa::testing {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// A binary floating-point format, decoded from its definition in double.
struct Format {
  int exponent_bits, mantissa_bits;
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  double decode(std::uint16_t bits) const {
    const int mantissa = bits & ((1 << mantissa_bits) - 1);
    const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
    const double sign = bits & 0x8000 ? -1 : 1;
    if (exponent == (1 << exponent_bits) - 1)
      return mantissa ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
    if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias() - mantissa_bits);
    return sign * std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias() - mantissa_bits);
  }
  std::uint16_t largest_finite() const {
    return static_cast<std::uint16_t>((((1 << exponent_bits) - 1) << mantissa_bits) - 1);
  }
  /// The nearest representable number by search, ties to the even pattern; beyond the largest by half a step: infinity.
  std::uint16_t encode(float value) const {
    const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    const double magnitude = std::abs(static_cast<double>(value));
    std::uint16_t low = 0, high = largest_finite();
    if (magnitude >= decode(high)) {
      const double half_step = (decode(high) - decode(static_cast<std::uint16_t>(high - 1))) / 2;
      return static_cast<std::uint16_t>(sign | (magnitude >= decode(high) + half_step ? high + 1 : high));
    }
    while (high - low > 1) {
      const auto middle = static_cast<std::uint16_t>((low + high) / 2);
      (decode(middle) <= magnitude ? low : high) = middle;
    }
    const double below = magnitude - decode(low), above = decode(high) - magnitude;
    const bool up = above < below || (above == below && low % 2 == 1);
    return static_cast<std::uint16_t>(sign | (up ? high : low));
  }
};

constexpr Format binary16{5, 10}, brain16{8, 7};

template <class T>
T from_bits(std::uint16_t bits) {
  T x;
  x.bits = bits;
  return x;
}

template <class T>
void every_pattern_round_trips(const Format& format) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const auto x = from_bits<T>(static_cast<std::uint16_t>(bits));
    const auto value = static_cast<float>(x);
    const double expected = format.decode(x.bits);
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      ASSERT_TRUE(std::isnan(static_cast<float>(T(value)))) << bits;
      ASSERT_EQ(std::signbit(value), bits >= 0x8000) << bits;
    } else {
      ASSERT_EQ(static_cast<double>(value), expected) << bits;
      ASSERT_EQ(std::signbit(value), bits >= 0x8000) << bits;
      ASSERT_EQ(T(value).bits, bits);
    }
  }
}

TEST(Half, all_65536_patterns_mean_what_the_format_says_and_round_trip) { every_pattern_round_trips<half>(binary16); }
TEST(Bfloat16, all_65536_patterns_mean_what_the_format_says_and_round_trip) {
  every_pattern_round_trips<bfloat16>(brain16);
}

/// Around every representable number and every midpoint between two, a float below, at and above.
template <class T>
void rounds_to_nearest_even(const Format& format) {
  for (std::uint32_t bits = 0; bits < format.largest_finite(); ++bits) {
    const double low = format.decode(static_cast<std::uint16_t>(bits));
    const double high = format.decode(static_cast<std::uint16_t>(bits + 1));
    for (const double exact : {low, (low + high) / 2}) {
      const auto at = static_cast<float>(exact);
      for (const float value : {std::nextafter(at, -infinity), at, std::nextafter(at, infinity)})
        for (const float each : {value, -value})
          ASSERT_EQ(T(each).bits, format.encode(each)) << std::hexfloat << each << " near pattern " << bits;
    }
  }
}

TEST(Half, conversion_rounds_to_nearest_even_also_where_it_is_subnormal) { rounds_to_nearest_even<half>(binary16); }
TEST(Bfloat16, conversion_rounds_to_nearest_even_also_where_it_is_subnormal) {
  rounds_to_nearest_even<bfloat16>(brain16);
}

template <class T>
void any_float_rounds_to_the_nearest(const Format& format) {
  check("any float rounds to the nearest pattern", [&] {
    const auto value = std::bit_cast<float>(*rc::gen::arbitrary<std::uint32_t>());
    if (std::isnan(value)) {
      RC_ASSERT(std::isnan(static_cast<float>(T(value))));
    } else {
      RC_ASSERT(T(value).bits == format.encode(value));
    }
  });
}

TEST(Half, any_float_rounds_to_the_nearest_pattern) { any_float_rounds_to_the_nearest<half>(binary16); }
TEST(Bfloat16, any_float_rounds_to_the_nearest_pattern) { any_float_rounds_to_the_nearest<bfloat16>(brain16); }

TEST(Half, numbers_out_of_range_become_infinite_from_the_midpoint_on) {
  EXPECT_EQ(half(65504.0f).bits, 0x7bff);
  EXPECT_EQ(half(std::nextafter(65520.0f, 0.0f)).bits, 0x7bff);
  EXPECT_EQ(half(65520.0f).bits, 0x7c00);
  EXPECT_EQ(half(-65520.0f).bits, 0xfc00);
  EXPECT_EQ(half(3e38f).bits, 0x7c00);
  EXPECT_EQ(half(infinity).bits, 0x7c00);
  EXPECT_EQ(half(-infinity).bits, 0xfc00);
}

TEST(Half, the_smallest_subnormals_round_to_even) {
  EXPECT_EQ(half(0x1p-24f).bits, 1);
  EXPECT_EQ(half(0x1p-25f).bits, 0);  // half way, to even
  EXPECT_EQ(half(std::nextafter(0x1p-25f, 1.0f)).bits, 1);
  EXPECT_EQ(half(0x1.8p-24f).bits, 2);  // half way between 1 and 2
  EXPECT_EQ(half(-0x1p-126f).bits, 0x8000);
  EXPECT_EQ(half(std::numeric_limits<float>::denorm_min()).bits, 0);
}

TEST(Bfloat16, numbers_out_of_range_become_infinite) {
  EXPECT_EQ(bfloat16(std::numeric_limits<float>::max()).bits, 0x7f80);
  EXPECT_EQ(bfloat16(-std::numeric_limits<float>::max()).bits, 0xff80);
  EXPECT_EQ(bfloat16(infinity).bits, 0x7f80);
}

TEST(HalfTypes, a_nan_whose_kept_bits_are_zero_does_not_turn_into_infinity) {
  for (const std::uint32_t bits : {0x7f800001u, 0xff800001u, 0x7f801fffu, 0x7fc00000u, 0x7fffffffu, 0xffffffffu}) {
    const auto nan = std::bit_cast<float>(bits);
    EXPECT_TRUE(std::isnan(static_cast<float>(half(nan)))) << bits;
    EXPECT_TRUE(std::isnan(static_cast<float>(bfloat16(nan)))) << bits;
    EXPECT_EQ(half(nan).bits >> 15, bits >> 31);
    EXPECT_EQ(bfloat16(nan).bits >> 15, bits >> 31);
  }
}

TEST(DType, names_sizes_and_accumulation_types_belong_to_the_storage_type) {
  EXPECT_EQ(name_of(dtype_of<half>()), "f16");
  EXPECT_EQ(name_of(dtype_of<bfloat16>()), "bf16");
  EXPECT_EQ(name_of(dtype_of<float>()), "f32");
  EXPECT_EQ(name_of(dtype_of<double>()), "f64");
  EXPECT_EQ(size_of(DType::f16), sizeof(half));
  EXPECT_EQ(size_of(DType::bf16), sizeof(bfloat16));
  EXPECT_EQ(size_of(DType::f32), sizeof(float));
  EXPECT_EQ(size_of(DType::f64), sizeof(double));
  EXPECT_TRUE((std::is_same_v<Accumulate<half>, float> && std::is_same_v<Accumulate<bfloat16>, float>));
  EXPECT_TRUE((std::is_same_v<Accumulate<float>, float> && std::is_same_v<Accumulate<double>, double>));
}

}  // namespace
}  // namespace llsa::testing

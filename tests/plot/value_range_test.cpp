#include "plot/value_range.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "llsa/error.hpp"
#include "plot/ticks.hpp"

namespace llsa::plot {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();

ValueRange any_range() {
  const bool log = *rc::gen::arbitrary<bool>();
  const double low = log ? std::pow(10, *rc::gen::inRange(-9, 7)) * *rc::gen::inRange(1, 100)
                         : *rc::gen::inRange(-100000, 100000) * std::pow(10, *rc::gen::inRange(-8, 4));
  const double width = std::pow(10, *rc::gen::inRange(-2, 5)) * *rc::gen::inRange(1, 10);
  const double high = log ? low * (1 + width) : low + std::max(width, std::abs(low) * 0.01);
  return {low, high, log ? AxisScale::log : AxisScale::linear};
}

RC_GTEST_PROP(ValueRange, value_inverts_position_and_the_ends_are_0_and_1, ()) {
  const ValueRange range = any_range();
  RC_ASSERT(std::abs(range.position(range.low())) < 1e-9);
  RC_ASSERT(std::abs(range.position(range.high()) - 1) < 1e-9);
  const double t = *rc::gen::inRange(-500, 1500) / 1000.0;
  RC_ASSERT(std::abs(range.position(range.value(t)) - t) < 1e-6);
}

TEST(ValueRange, a_log_scale_puts_equal_factors_at_equal_distances) {
  const ValueRange range(1, 10000, AxisScale::log);
  EXPECT_NEAR(range.position(10), 0.25, 1e-12);
  EXPECT_NEAR(range.position(100), 0.5, 1e-12);
  EXPECT_TRUE(std::isnan(range.position(0)));
  EXPECT_TRUE(std::isnan(range.position(-1)));
  EXPECT_TRUE(std::isnan(range.position(nan)));
  EXPECT_TRUE(std::isnan(ValueRange(0, 1).position(nan)));
}

TEST(ValueRange, fitting_ignores_what_has_no_place_on_the_axis) {
  const std::vector<double> values{nan, 3, -2, inf, 0, 8, -inf};
  const ValueRange linear = fit_range<double>(values);
  EXPECT_EQ(linear.low(), -2);
  EXPECT_EQ(linear.high(), 8);
  const ValueRange log = fit_range<double>(values, {.scale = AxisScale::log});
  EXPECT_EQ(log.low(), 3);
  EXPECT_EQ(log.high(), 8);
}

TEST(ValueRange, fixed_ends_win_over_the_data) {
  const std::vector<float> values{1, 5};
  EXPECT_EQ(fit_range<float>(values, {.low = -1.0}).low(), -1);
  EXPECT_EQ(fit_range<float>(values, {.low = -1.0}).high(), 5);
  EXPECT_EQ(fit_range<float>(values, {.low = 2.0, .high = 3.0}).high(), 3);
  EXPECT_GT(fit_range<float>(values, {.low = 9.0}).high(), 9);
  EXPECT_LT(fit_range<float>(values, {.high = 0.0}).low(), 0);
  EXPECT_LT(fit_range<float>(values, {.scale = AxisScale::log, .high = 0.5}).low(), 0.5);
}

TEST(ValueRange, a_symmetric_range_is_centred_on_zero) {
  const std::vector<double> values{-1, 4};
  const ValueRange range = fit_range<double>(values, {.symmetric = true});
  EXPECT_EQ(range.low(), -4);
  EXPECT_EQ(range.high(), 4);
  EXPECT_EQ(fit_range<double>(values, {.high = 2.0, .symmetric = true}).low(), -2);
  EXPECT_THROW(fit_range<double>(values, {.scale = AxisScale::log, .symmetric = true}), Error);
}

TEST(ValueRange, one_value_or_none_still_gives_a_range_around_it) {
  for (const double value : {0.0, 7.0, -3.0, 1e-9}) {
    const ValueRange range = fit_range<double>(std::vector<double>{value, value});
    EXPECT_LT(range.low(), value);
    EXPECT_GT(range.high(), value);
  }
  const ValueRange log = fit_range<double>(std::vector<double>{5}, {.scale = AxisScale::log});
  EXPECT_NEAR(log.position(5), 0.5, 1e-12);
  EXPECT_EQ(fit_range<double>(std::vector<double>{nan}).high(), 1);
  EXPECT_EQ(fit_range<double>(std::vector<double>{-1}, {.scale = AxisScale::log}).low(), 0.1);
}

TEST(ValueRange, contradictory_ends_are_errors) {
  EXPECT_THROW(ValueRange(1, 1), Error);
  EXPECT_THROW(ValueRange(2, 1), Error);
  EXPECT_THROW(ValueRange(nan, 1), Error);
  EXPECT_THROW(ValueRange(0, inf), Error);
  EXPECT_THROW(ValueRange(0, 1, AxisScale::log), Error);
  EXPECT_THROW(fit_range<double>(std::vector<double>{1}, {.low = 3.0, .high = 2.0}), Error);
}

RC_GTEST_PROP(Ticks, ascend_within_the_range_and_enough_of_them_are_labelled, ()) {
  const ValueRange range = any_range();
  const std::vector<Tick> marks = ticks(range, 5);
  int labelled = 0;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    RC_ASSERT(range.position(marks[i].value) >= -1e-6);
    RC_ASSERT(range.position(marks[i].value) <= 1 + 1e-6);
    if (i > 0) RC_ASSERT(marks[i].value > marks[i - 1].value);
    labelled += !marks[i].label.empty();
  }
  RC_ASSERT(labelled >= 2);
  RC_ASSERT(labelled <= 10);
}

TEST(Ticks, are_round_numbers_with_exact_labels) {
  const auto labels = [](const ValueRange& range) {
    std::string all;
    for (const Tick& tick : ticks(range, 5))
      if (!tick.label.empty()) all += tick.label + " ";
    return all;
  };
  EXPECT_EQ(labels({0, 1}), "0 0.2 0.4 0.6 0.8 1 ");
  EXPECT_EQ(labels({-0.5, 0.5}), "-0.4 -0.2 0 0.2 0.4 ");
  EXPECT_EQ(labels({0, 20000}), "0 5,000 10,000 15,000 20,000 ");
  EXPECT_EQ(labels({0, 4e-7}), "0 10⁻⁷ 2×10⁻⁷ 3×10⁻⁷ 4×10⁻⁷ ");
  EXPECT_EQ(labels({1, 1000, AxisScale::log}), "1 10 100 1,000 ");
  EXPECT_EQ(labels({1e-8, 1, AxisScale::log}), "10⁻⁸ 10⁻⁶ 10⁻⁴ 0.01 1 ");
  EXPECT_EQ(labels({1, 50, AxisScale::log}), "1 2 5 10 20 50 ");
}

TEST(Ticks, numbers_are_shown_with_the_digits_asked_for) {
  EXPECT_EQ(format_value(0), "0");
  EXPECT_EQ(format_value(1234.5), "1,230");
  EXPECT_EQ(format_value(-1234.5, 5), "-1,234.5");
  EXPECT_EQ(format_value(0.012345), "0.0123");
  EXPECT_EQ(format_value(9.9996), "10");
  EXPECT_EQ(format_value(3.14159e-7), "3.14×10⁻⁷");
  EXPECT_EQ(format_value(-1e12), "-10¹²");
  EXPECT_EQ(format_value(nan), "NaN");
  EXPECT_EQ(format_value(-inf), "-∞");
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(-1048576), "-1,048,576");
}

}  // namespace
}  // namespace llsa::plot

// The comparator: what counts as the same.
#include "compare/comparator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "llsa/error.hpp"

namespace llsa::compare {
namespace {

using ::testing::HasSubstr;
constexpr double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();

Tensor<double> row(const std::vector<double>& values) {
  Tensor<double> t({1, 1, static_cast<std::int64_t>(values.size()), 1});
  std::copy(values.begin(), values.end(), t.data());
  return t;
}
Comparison compare(const std::vector<double>& got, const std::vector<double>& want,
                   const CompareOptions& options = {}) {
  return compare(row(got).view(), row(want).view(), options);
}
const Tolerance loose{.relative_l2 = 0.1, .cosine = 0.1, .element = 0.1, .score_gap = 0, .resolution = 0};

TEST(Comparator, measures_are_those_of_their_definitions) {
  const Comparison c = compare({1, 2, 3}, {1, 2, 4});
  EXPECT_DOUBLE_EQ(c.relative_l2, 1 / std::sqrt(21.0));
  EXPECT_DOUBLE_EQ(c.cosine, 17 / std::sqrt(14.0 * 21.0));
  EXPECT_DOUBLE_EQ(c.max_error, 0.25);
  EXPECT_EQ(c.worst, (Coordinate{0, 0, 2, 0}));
  EXPECT_EQ(c.got, 3);
  EXPECT_EQ(c.want, 4);
  EXPECT_EQ(c.elements, 3);
  EXPECT_THAT(c.row_errors, ::testing::ElementsAre(0, 0, 0.25));
}

TEST(Comparator, errors_of_small_elements_count_relative_to_the_root_mean_square) {
  EXPECT_NEAR(compare({0.1, 10}, {0, 10}).max_error, 0.1 / std::sqrt(50.0), 1e-12);
  EXPECT_NEAR(compare({0.1, 10}, {0, 10}, {.floor = 100, .rows = {}}).max_error, 1e-3, 1e-12);
}

RC_GTEST_PROP(Comparator, nothing_is_closer_than_itself, (std::vector<double> values)) {
  std::erase_if(values, [](double x) { return !std::isfinite(x) || std::abs(x) > 1e150; });
  const Comparison c = compare(values, values);
  RC_ASSERT(c.relative_l2 == 0.0 && c.max_error == 0.0 && c.nonfinite_differences == 0);
  RC_ASSERT(within(c, tolerance_of(DType::f64)));
}

RC_GTEST_PROP(Comparator, measures_do_not_depend_on_the_unit, ()) {
  const auto got = *rc::gen::container<std::vector<int>>(8, rc::gen::inRange(-9, 10));
  const auto want = *rc::gen::container<std::vector<int>>(8, rc::gen::inRange(-9, 10));
  const double unit = std::ldexp(1.0, *rc::gen::inRange(-400, 400));
  std::vector<double> g, w, gu, wu;
  for (std::size_t n = 0; n < 8; ++n) {
    g.push_back(got[n]), w.push_back(want[n]);
    gu.push_back(got[n] * unit), wu.push_back(want[n] * unit);
  }
  const Comparison a = compare(g, w), b = compare(gu, wu);
  RC_ASSERT(a.relative_l2 == b.relative_l2 || std::abs(a.relative_l2 - b.relative_l2) < 1e-12 * a.relative_l2);
  RC_ASSERT(std::abs(a.cosine - b.cosine) < 1e-12);
  RC_ASSERT(a.max_error == b.max_error || std::abs(a.max_error - b.max_error) < 1e-12 * a.max_error);
}

TEST(Comparator, demands_the_same_kind_of_non_finite_at_the_same_place) {
  const std::vector<double> kinds{nan, inf, -inf, 1};
  for (const double got : kinds)
    for (const double want : kinds) {
      const bool same = (std::isnan(got) && std::isnan(want)) || got == want;
      const Comparison c = compare({got, 1}, {want, 1});
      EXPECT_EQ(c.nonfinite_differences, same ? 0 : 1) << got << " " << want;
      EXPECT_EQ(within(c, loose), same) << got << " " << want;
      EXPECT_EQ(std::isinf(c.row_errors[0]), !same);
    }
  EXPECT_THAT(explain(compare({1, nan}, {1, 2}), loose),
              HasSubstr("1 non-finite elements differ, first at [0, 0, 1, 0]: nan where 2 is right"));
}

TEST(Comparator, a_measure_that_is_not_a_number_fails) {
  Comparison c;
  EXPECT_TRUE(within(c, loose));
  for (double Comparison::*measure : {&Comparison::relative_l2, &Comparison::cosine, &Comparison::max_error}) {
    Comparison bad;
    bad.*measure = nan;
    EXPECT_FALSE(within(bad, loose));
  }
}

TEST(Comparator, each_measure_has_its_tolerance) {
  EXPECT_THAT(explain(compare({1, 1.2}, {1, 1}), loose),
              HasSubstr("relative L2 error 0.141, allowed 1.0e-01; worst at [0, 0, 1, 0]: 1.2 where 1 is right"));
  Tolerance t = loose;
  t.relative_l2 = 10;
  EXPECT_THAT(explain(compare({1, -1}, {1, 1}), t), HasSubstr("1 - cosine is 1, allowed"));
  t.cosine = 2;
  EXPECT_THAT(explain(compare({1, -1}, {1, 1}), t), HasSubstr("largest element error 2, allowed"));
  t.element = 3;
  EXPECT_EQ(explain(compare({1, -1}, {1, 1}), t), "");
}

TEST(Comparator, zero_is_not_close_to_something_nor_something_to_zero) {
  EXPECT_EQ(compare({0, 0}, {0, 0}).relative_l2, 0);
  EXPECT_TRUE(std::isinf(compare({1e-30, 0}, {0, 0}).relative_l2));
  EXPECT_FALSE(within(compare({1e-30, 0}, {0, 0}), loose));
  EXPECT_DOUBLE_EQ(compare({0, 0}, {1e-30, 0}).relative_l2, 1);
  // Where terms of size 1 cancel, 1e-10 is noise.
  EXPECT_TRUE(within(compare({1e-10, 0}, {0, 0}, {.floor = 1, .rows = {}}), loose));
  EXPECT_FALSE(within(compare({0.5, 0}, {0, 0}, {.floor = 1, .rows = {}}), loose));
}

TEST(Comparator, rounds_the_right_result_to_the_storage_type_first) {
  const double x = 1.0009765625 + 1e-4;  // between two halves
  const double stored = static_cast<float>(half(static_cast<float>(x)));
  EXPECT_EQ(compare({stored}, {x}, {.storage = DType::f16, .rows = {}}).max_error, 0);
  EXPECT_GT(compare({stored}, {x}).max_error, 0);
  // Overflow of the storage type is what a right kernel gets too.
  EXPECT_EQ(compare({inf, 1}, {1e6, 1}, {.storage = DType::f16, .rows = {}}).nonfinite_differences, 0);
  EXPECT_EQ(compare({inf, 1}, {1e6, 1}).nonfinite_differences, 1);
  EXPECT_EQ(compare({1e-7, 1e-7}, {1.5e-7, 1e-7}, {.resolution = 6e-8, .rows = {}}).max_error, 0);
}

TEST(Comparator, leaves_out_rows_that_do_not_count) {
  const Comparison c = compare({1, 5, nan}, {1, 2, 3}, {.rows = {1, 0, 0}});
  EXPECT_EQ(c.elements, 1);
  EXPECT_TRUE(within(c, loose));
}

TEST(Comparator, refuses_different_shapes) { EXPECT_THROW(compare({1, 2}, {1, 2, 3}), Error); }

TEST(Comparator, tolerances_grow_with_the_coarseness_of_the_type) {
  const DType types[] = {DType::f64, DType::f32, DType::f16, DType::bf16};
  for (std::size_t n = 0; n + 1 < 4; ++n) {
    const Tolerance a = tolerance_of(types[n]), b = tolerance_of(types[n + 1]);
    EXPECT_LT(a.relative_l2, b.relative_l2);
    EXPECT_LT(a.cosine, b.cosine);
    EXPECT_LT(a.element, b.element);
    EXPECT_LT(a.score_gap, b.score_gap);
  }
  const Tolerance t = tolerance_of(DType::f32), w = widened(t, 100, DType::f32);
  EXPECT_GT(w.relative_l2, t.relative_l2);
  EXPECT_LT(w.relative_l2, 1e-4);
  EXPECT_EQ(w.score_gap, t.score_gap);
  EXPECT_EQ(widened(t, nan, DType::f32).relative_l2, t.relative_l2);
}

}  // namespace
}  // namespace llsa::compare

#include "plot/region.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <set>
#include <utility>

#include "llsa/error.hpp"

namespace llsa::plot {
namespace {

using Contours = std::vector<std::vector<Point>>;

Region any_region() {
  Region region(*rc::gen::inRange(1, 9), *rc::gen::inRange(1, 9));
  for (std::int64_t row = 0; row < region.height(); ++row)
    for (std::int64_t column = 0; column < region.width(); ++column)
      if (*rc::gen::arbitrary<bool>()) region.insert(row, column);
  return region;
}

bool inside_by_even_odd(const Contours& contours, double x, double y) {
  bool inside = false;
  for (const auto& contour : contours)
    for (std::size_t i = 0; i < contour.size(); ++i) {
      const Point a = contour[i], b = contour[(i + 1) % contour.size()];
      if (a.x == b.x && a.x > x && (a.y > y) != (b.y > y)) inside = !inside;
    }
  return inside;
}

RC_GTEST_PROP(Region, outline_encloses_exactly_its_cells, ()) {
  const Region region = any_region();
  const Contours contours = region.outline();
  for (std::int64_t row = 0; row < region.height(); ++row)
    for (std::int64_t column = 0; column < region.width(); ++column)
      RC_ASSERT(inside_by_even_odd(contours, column + 0.5, row + 0.5) == region.contains(row, column));
}

RC_GTEST_PROP(Region, signed_area_of_the_outline_is_the_number_of_cells_and_its_length_the_number_of_borders, ()) {
  const Region region = any_region();
  double area = 0, length = 0, borders = 0;
  for (const auto& contour : region.outline()) {
    RC_ASSERT(contour.size() >= 4);
    for (std::size_t i = 0; i < contour.size(); ++i) {
      const Point a = contour[i], b = contour[(i + 1) % contour.size()], c = contour[(i + 2) % contour.size()];
      area += (a.x * b.y - b.x * a.y) / 2;
      length += std::abs(a.x - b.x) + std::abs(a.y - b.y);
      RC_ASSERT((a.x == b.x) != (a.y == b.y));  // along one axis, and not of length zero
      RC_ASSERT((a.x == b.x) != (b.x == c.x));  // every point is a corner
    }
  }
  for (std::int64_t row = 0; row <= region.height(); ++row)
    for (std::int64_t column = 0; column <= region.width(); ++column) {
      borders += region.contains(row, column) != region.contains(row - 1, column);
      borders += region.contains(row, column) != region.contains(row, column - 1);
    }
  RC_ASSERT(area == static_cast<double>(region.size()));
  RC_ASSERT(length == borders);
}

RC_GTEST_PROP(Region, no_contour_passes_a_corner_twice, ()) {
  const Region region = any_region();
  for (const auto& contour : region.outline()) {
    std::set<std::pair<double, double>> seen;
    // Only where outside cells touch in a corner inside one piece may a contour come back; pieces that touch are apart.
    for (const Point& p : contour) {
      const auto row = static_cast<std::int64_t>(p.y), column = static_cast<std::int64_t>(p.x);
      const bool diagonal = region.contains(row, column) == region.contains(row - 1, column - 1) &&
                            region.contains(row - 1, column) == region.contains(row, column - 1) &&
                            region.contains(row, column) != region.contains(row - 1, column);
      RC_ASSERT(seen.insert({p.x, p.y}).second || diagonal);
    }
  }
}

TEST(Region, cells_that_touch_in_a_corner_have_contours_of_their_own) {
  Region region(2, 2);
  region.insert(0, 0);
  region.insert(1, 1);
  EXPECT_EQ(region.outline().size(), 2u);
}

TEST(Region, a_hole_is_a_contour_walked_the_other_way) {
  Region region(3, 3);
  for (int row = 0; row < 3; ++row)
    for (int column = 0; column < 3; ++column)
      if (row != 1 || column != 1) region.insert(row, column);
  const Contours contours = region.outline();
  ASSERT_EQ(contours.size(), 2u);
  EXPECT_EQ(contours[0].size(), 4u);
  EXPECT_EQ(contours[1].size(), 4u);
}

TEST(Region, a_morton_block_of_a_power_of_two_square_is_a_square) {
  const TokenOrder order = morton_order({1, 16, 16});
  const Hierarchy hierarchy(256, 16, 2);
  for (std::int64_t t = 0; t < 16; ++t) {
    Region region(16, 16);
    region.insert(order, hierarchy.fine(1, t));
    const Contours contours = region.outline();
    ASSERT_EQ(contours.size(), 1u);
    ASSERT_EQ(contours[0].size(), 4u);
    EXPECT_EQ(contours[0][2].x - contours[0][0].x, 4);
    EXPECT_EQ(contours[0][2].y - contours[0][0].y, 4);
  }
}

TEST(Region, tokens_of_a_ragged_grid_cover_it_once_between_them) {
  const Grid grid{1, 7, 11};
  for (const char* name : {"raster", "morton", "hilbert"}) {
    const TokenOrder order = token_order(name, grid);
    const Hierarchy hierarchy(grid.size(), 4, 2);
    std::vector<int> covered(static_cast<std::size_t>(grid.size()));
    for (std::int64_t t = 0; t < hierarchy.length(2); ++t) {
      Region region(7, 11);
      region.insert(order, hierarchy.fine(2, t));
      EXPECT_EQ(region.size(), hierarchy.count(2, t));
      for (std::int64_t row = 0; row < 7; ++row)
        for (std::int64_t column = 0; column < 11; ++column)
          covered[static_cast<std::size_t>(row * 11 + column)] += region.contains(row, column);
    }
    for (const int times : covered) EXPECT_EQ(times, 1) << name;
  }
}

TEST(Region, mapping_stretches_grid_coordinates_over_a_rectangle) {
  const Contours mapped = map_to({10, 20, 40, 30}, 3, 4, {{{0, 0}, {4, 3}, {1, 2}}});
  EXPECT_EQ(mapped[0][0].x, 10);
  EXPECT_EQ(mapped[0][1].x, 50);
  EXPECT_EQ(mapped[0][1].y, 50);
  EXPECT_EQ(mapped[0][2].x, 20);
  EXPECT_EQ(mapped[0][2].y, 40);
}

TEST(Region, cells_and_tokens_outside_the_grid_are_errors) {
  EXPECT_THROW(Region(0, 3), Error);
  Region region(2, 3);
  EXPECT_THROW(region.insert(2, 0), Error);
  EXPECT_THROW(region.insert(0, -1), Error);
  EXPECT_THROW(region.insert(raster_order({1, 2, 4}), {0, 1}), Error);
  EXPECT_THROW(region.insert(raster_order({1, 2, 3}), {0, 7}), Error);
}

}  // namespace
}  // namespace llsa::plot

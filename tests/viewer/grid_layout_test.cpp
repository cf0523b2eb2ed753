#include "viewer/model/grid_layout.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace llsa::viewer {
namespace {

Grid any_grid() { return {*rc::gen::inRange(1, 6), *rc::gen::inRange(1, 20), *rc::gen::inRange(1, 20)}; }

RC_GTEST_PROP(GridLayout, hit_testing_inverts_drawing, ()) {
  const GridLayout layout(any_grid());
  for (std::int64_t cell = 0; cell < layout.grid().size(); ++cell) {
    const Box at = layout.cell(cell);
    RC_ASSERT(at.width() == 1 && at.height() == 1);
    for (const Point p : {Point{at.x0, at.y0}, at.center(), Point{at.x1 - 1e-9, at.y1 - 1e-9}})
      RC_ASSERT(layout.hit(p) == cell);
  }
}

RC_GTEST_PROP(GridLayout, nothing_is_hit_between_and_outside_the_frames, ()) {
  const GridLayout layout(any_grid());
  const Box all = layout.bounds();
  std::int64_t hits = 0;
  for (double y = all.y0 - 1.5; y < all.y1 + 2; ++y)
    for (double x = all.x0 - 1.5; x < all.x1 + 2; ++x)
      if (const auto cell = layout.hit({x, y})) {
        RC_ASSERT(layout.cell(*cell).contains({x, y}));
        ++hits;
      }
  RC_ASSERT(hits == layout.grid().size());
}

RC_GTEST_PROP(GridLayout, frames_lie_inside_the_bounds_and_apart, ()) {
  const GridLayout layout(any_grid());
  for (std::int64_t f = 0; f < layout.grid().frames; ++f) {
    const Box a = layout.frame(f);
    RC_ASSERT(a.x0 >= 0 && a.y0 >= 0 && a.x1 <= layout.bounds().x1 && a.y1 <= layout.bounds().y1);
    for (std::int64_t g = 0; g < f; ++g) {
      const Box b = layout.frame(g);
      RC_ASSERT(a.x0 >= b.x1 + 1 || b.x0 >= a.x1 + 1 || a.y0 >= b.y1 + 1 || b.y0 >= a.y1 + 1);
    }
  }
}

std::vector<std::int64_t> any_cells(const Grid& grid) {
  std::vector<std::int64_t> cells;
  const int one_in = *rc::gen::inRange(1, 5);
  for (std::int64_t cell = 0; cell < grid.size(); ++cell)
    if (*rc::gen::inRange(0, one_in) == 0) cells.push_back(cell);
  return cells;
}

RC_GTEST_PROP(GridLayout, a_region_fills_exactly_its_cells, ()) {
  const GridLayout layout(Grid{*rc::gen::inRange(1, 3), *rc::gen::inRange(1, 9), *rc::gen::inRange(1, 9)});
  const auto cells = any_cells(layout.grid());
  const CellShape region = layout.region(cells);
  for (std::int64_t cell = 0; cell < layout.grid().size(); ++cell) {
    const Point middle = layout.cell(cell).center();
    const auto covering = std::ranges::count_if(region.fill, [&](const Box& r) { return r.contains(middle); });
    RC_ASSERT(covering == std::ranges::count(cells, cell));
  }
  double area = 0;
  for (const Box& r : region.fill) area += r.width() * r.height();
  RC_ASSERT(area == static_cast<double>(cells.size()));
}

RC_GTEST_PROP(GridLayout, an_outline_is_every_border_of_the_region_once, ()) {
  const GridLayout layout(Grid{*rc::gen::inRange(1, 3), *rc::gen::inRange(1, 9), *rc::gen::inRange(1, 9)});
  const auto cells = any_cells(layout.grid());
  std::multiset<std::pair<double, double>> drawn, expected;  // middles of unit edges
  for (const Segment& s : layout.region(cells).outline) {
    const double length = std::max(s.b.x - s.a.x, s.b.y - s.a.y);
    RC_ASSERT(length >= 1);
    const bool horizontal = s.a.y == s.b.y;
    for (double at = 0.5; at < length; ++at)
      drawn.insert(horizontal ? std::pair(s.a.x + at, s.a.y) : std::pair(s.a.x, s.a.y + at));
  }
  for (const std::int64_t cell : cells) {
    const Box at = layout.cell(cell);
    const Point middle = at.center();
    for (const Point step : {Point{-1, 0}, Point{1, 0}, Point{0, -1}, Point{0, 1}}) {
      const auto next = layout.hit({middle.x + step.x, middle.y + step.y});
      if (!next || !std::ranges::count(cells, *next)) expected.insert({middle.x + step.x / 2, middle.y + step.y / 2});
    }
  }
  RC_ASSERT(drawn == expected);
}

TEST(GridLayout, a_morton_block_is_one_rectangle_with_four_edges) {
  const GridLayout layout(Grid{1, 16, 16});
  const TokenOrder order = morton_order({1, 16, 16});
  const auto& cells = order.to_raster();
  const CellShape region = layout.region({cells.data() + 32, cells.data() + 48});
  ASSERT_EQ(region.fill.size(), 1u);
  EXPECT_EQ(region.fill[0].width(), 4);
  EXPECT_EQ(region.fill[0].height(), 4);
  EXPECT_EQ(region.outline.size(), 4u);
}

TEST(GridLayout, a_point_that_is_not_a_number_hits_nothing) {
  EXPECT_FALSE(GridLayout(Grid{1, 4, 4}).hit({std::nan(""), 1}));
}

}  // namespace
}  // namespace llsa::viewer

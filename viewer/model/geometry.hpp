#pragma once

#include <vector>

#include "plot/canvas.hpp"

namespace llsa::viewer {

/// World units are one token cell; screen units are pixels, y downwards in both.
using plot::Point;

/// `[x0, x1) x [y0, y1)`: half-open, so that neighbouring cells never both contain a point.
struct Box {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;

  double width() const { return x1 - x0; }
  double height() const { return y1 - y0; }
  Point center() const { return {(x0 + x1) / 2, (y0 + y1) / 2}; }
  bool contains(Point p) const { return p.x >= x0 && p.x < x1 && p.y >= y0 && p.y < y1; }
  friend bool operator==(const Box&, const Box&) = default;
};

/// An axis-parallel line, `a` not after `b` in x and in y.
struct Segment {
  Point a, b;
  friend bool operator==(const Segment&, const Segment&) = default;
};

/// A set of cells as disjoint rectangles, and the border between the set and the rest.
struct CellShape {
  std::vector<Box> fill;
  std::vector<Segment> outline;
};

}  // namespace llsa::viewer

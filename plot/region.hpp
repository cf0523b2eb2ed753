#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "llsa/hierarchy.hpp"
#include "llsa/token_order.hpp"
#include "plot/canvas.hpp"

namespace llsa::plot {

/// A set of cells of a picture's grid. What a coarse token stands for is such a set: a square under the Morton order of
/// a power-of-two square, any shape (even in several pieces) otherwise.
class Region {
 public:
  Region(std::int64_t height, std::int64_t width);

  std::int64_t height() const { return height_; }
  std::int64_t width() const { return width_; }
  bool contains(std::int64_t row, std::int64_t column) const;
  void insert(std::int64_t row, std::int64_t column);
  /// Adds the cells of the tokens `[begin, end)` of a sequence laid over the grid by `order`.
  void insert(const TokenOrder& order, TokenRange tokens);
  /// How many cells.
  std::int64_t size() const;

  /// The borders between cells inside and outside, as closed contours in grid coordinates (cell (row, column) covers
  /// x in [column, column + 1], y in [row, row + 1]); only corners are listed. Cells that touch in a corner only are
  /// apart.
  std::vector<std::vector<Point>> outline() const;

 private:
  std::int64_t height_, width_;
  std::vector<std::uint8_t> inside_;
};

/// From grid coordinates to a rectangle of the canvas.
std::vector<std::vector<Point>> map_to(const Rect& area, std::int64_t height, std::int64_t width,
                                       std::vector<std::vector<Point>> contours);

}  // namespace llsa::plot

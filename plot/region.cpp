#include "plot/region.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <string>

#include "llsa/error.hpp"

namespace llsa::plot {
namespace {

/// Directions along grid lines, in clockwise order on a canvas whose y grows downwards.
enum Direction { right, down, left, up };
constexpr std::int64_t step_x[] = {1, 0, -1, 0}, step_y[] = {0, 1, 0, -1};

}  // namespace

Region::Region(std::int64_t height, std::int64_t width) : height_(height), width_(width) {
  if (height < 1 || width < 1)
    throw Error("region is " + std::to_string(height) + " x " + std::to_string(width) +
                " cells; both must be at least 1");
  inside_.assign(static_cast<std::size_t>(height * width), 0);
}

bool Region::contains(std::int64_t row, std::int64_t column) const {
  if (row < 0 || row >= height_ || column < 0 || column >= width_) return false;
  return inside_[static_cast<std::size_t>(row * width_ + column)] != 0;
}

void Region::insert(std::int64_t row, std::int64_t column) {
  if (row < 0 || row >= height_ || column < 0 || column >= width_)
    throw Error("cell (" + std::to_string(row) + ", " + std::to_string(column) + ") is outside the " +
                std::to_string(height_) + " x " + std::to_string(width_) + " grid");
  inside_[static_cast<std::size_t>(row * width_ + column)] = 1;
}

void Region::insert(const TokenOrder& order, TokenRange tokens) {
  if (order.size() != height_ * width_)
    throw Error("token order has " + std::to_string(order.size()) + " tokens; the grid has " +
                std::to_string(height_ * width_) + " cells");
  if (tokens.begin < 0 || tokens.end > order.size())
    throw Error("tokens " + std::to_string(tokens.begin) + " to " + std::to_string(tokens.end) + " are outside the " +
                std::to_string(order.size()) + " of the order");
  for (std::int64_t i = tokens.begin; i < tokens.end; ++i)
    inside_[static_cast<std::size_t>(order.to_raster()[static_cast<std::size_t>(i)])] = 1;
}

std::int64_t Region::size() const { return std::count(inside_.begin(), inside_.end(), 1); }

std::vector<std::vector<Point>> Region::outline() const {
  // Walk the border with the inside on the right hand. Where two cells touch in a corner only, turning right first
  // keeps their contours apart. `open` holds the border edges not yet walked, by their start and direction.
  const auto key = [&](std::int64_t x, std::int64_t y) { return y * (width_ + 1) + x; };
  std::map<std::int64_t, std::uint8_t> open;
  for (std::int64_t row = 0; row < height_; ++row) {
    for (std::int64_t column = 0; column < width_; ++column) {
      if (!contains(row, column)) continue;
      if (!contains(row - 1, column)) open[key(column, row)] |= 1 << right;
      if (!contains(row, column + 1)) open[key(column + 1, row)] |= 1 << down;
      if (!contains(row + 1, column)) open[key(column + 1, row + 1)] |= 1 << left;
      if (!contains(row, column - 1)) open[key(column, row + 1)] |= 1 << up;
    }
  }
  std::vector<std::vector<Point>> contours;
  while (!open.empty()) {
    // The first open corner in raster order is the top left corner of its contour, which passes it only once.
    const std::int64_t start = open.begin()->first;
    std::int64_t x = start % (width_ + 1), y = start / (width_ + 1);
    int direction = std::countr_zero(open.begin()->second), previous = -1;
    std::vector<Point> contour;
    do {
      const auto at = open.find(key(x, y));
      if (previous >= 0)
        for (const int turn : {3, 0, 1})  // the last that is open wins: right, then straight on, then left
          if (const int next = (previous + turn) % 4; at->second >> next & 1) direction = next;
      if (direction != previous) contour.push_back({static_cast<double>(x), static_cast<double>(y)});
      at->second = static_cast<std::uint8_t>(at->second & ~(1 << direction));
      if (at->second == 0) open.erase(at);
      x += step_x[direction];
      y += step_y[direction];
      previous = direction;
    } while (key(x, y) != start);
    contours.push_back(std::move(contour));
  }
  return contours;
}

std::vector<std::vector<Point>> map_to(const Rect& area, std::int64_t height, std::int64_t width,
                                       std::vector<std::vector<Point>> contours) {
  for (std::vector<Point>& contour : contours)
    for (Point& p : contour)
      p = {area.x + p.x * area.width / static_cast<double>(width),
           area.y + p.y * area.height / static_cast<double>(height)};
  return contours;
}

}  // namespace llsa::plot

#include "viewer/model/grid_layout.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace llsa::viewer {
namespace {

/// The cells of one frame inside their bounding box, one byte each.
struct Mask {
  std::int64_t row0, row1, column0, column1;  // [row0, row1) x [column0, column1)
  std::vector<char> set;

  bool at(std::int64_t row, std::int64_t column) const {
    if (row < row0 || row >= row1 || column < column0 || column >= column1) return false;
    return set[static_cast<std::size_t>((row - row0) * (column1 - column0) + column - column0)] != 0;
  }
};

Mask mask_of(std::span<const std::int64_t> in_frame, std::int64_t width) {
  Mask mask{in_frame.front() / width, 0, in_frame.front() % width, 0, {}};
  for (const std::int64_t cell : in_frame) {
    mask.row0 = std::min(mask.row0, cell / width);
    mask.row1 = std::max(mask.row1, cell / width + 1);
    mask.column0 = std::min(mask.column0, cell % width);
    mask.column1 = std::max(mask.column1, cell % width + 1);
  }
  mask.set.resize(static_cast<std::size_t>((mask.row1 - mask.row0) * (mask.column1 - mask.column0)));
  for (const std::int64_t cell : in_frame) {
    const std::int64_t at = (cell / width - mask.row0) * (mask.column1 - mask.column0) + cell % width - mask.column0;
    mask.set[static_cast<std::size_t>(at)] = 1;
  }
  return mask;
}

/// Horizontal runs, a run joined to the one above it when both span the same columns.
void add_fill(const Mask& mask, Point origin, std::vector<Box>& fill) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::size_t> open, next;
  for (std::int64_t row = mask.row0; row < mask.row1; ++row) {
    next.clear();
    for (std::int64_t c = mask.column0; c < mask.column1;) {
      std::int64_t end = c;
      while (mask.at(row, end)) ++end;
      if (end == c) {
        ++c;
        continue;
      }
      const auto above = open.find({c, end});
      if (above != open.end()) {
        fill[above->second].y1 += 1;
        next[{c, end}] = above->second;
      } else {
        next[{c, end}] = fill.size();
        fill.push_back({origin.x + static_cast<double>(c), origin.y + static_cast<double>(row),
                        origin.x + static_cast<double>(end), origin.y + static_cast<double>(row + 1)});
      }
      c = end;
    }
    open.swap(next);
  }
}

/// Grid lines with the set on exactly one side, as maximal segments.
void add_outline(const Mask& mask, Point origin, std::vector<Segment>& outline) {
  const auto scan = [&](bool horizontal) {
    const std::int64_t line0 = horizontal ? mask.row0 : mask.column0, line1 = horizontal ? mask.row1 : mask.column1;
    const std::int64_t from = horizontal ? mask.column0 : mask.row0, to = horizontal ? mask.column1 : mask.row1;
    for (std::int64_t line = line0; line <= line1; ++line) {
      std::int64_t begin = from;
      for (std::int64_t at = from; at <= to; ++at) {
        const bool border = at < to && (horizontal ? mask.at(line - 1, at) != mask.at(line, at)
                                                   : mask.at(at, line - 1) != mask.at(at, line));
        if (border) continue;
        const auto l = static_cast<double>(line), b = static_cast<double>(begin), e = static_cast<double>(at);
        if (at > begin && horizontal) outline.push_back({{origin.x + b, origin.y + l}, {origin.x + e, origin.y + l}});
        if (at > begin && !horizontal) outline.push_back({{origin.x + l, origin.y + b}, {origin.x + l, origin.y + e}});
        begin = at + 1;
      }
    }
  };
  scan(true);
  scan(false);
}

}  // namespace

GridLayout::GridLayout(Grid grid) : grid_(grid) {
  if (grid.frames == 1) return;
  // As square a wall of frames as whole frames allow.
  const double wanted = std::sqrt(static_cast<double>(grid.frames * grid.height) / static_cast<double>(grid.width));
  columns_ = std::clamp<std::int64_t>(std::llround(std::ceil(wanted)), 1, grid.frames);
  gap_ = std::max<std::int64_t>(1, std::max(grid.height, grid.width) / 16);
}

Box GridLayout::frame(std::int64_t f) const {
  const auto x = static_cast<double>(f % columns_ * (grid_.width + gap_));
  const auto y = static_cast<double>(f / columns_ * (grid_.height + gap_));
  return {x, y, x + static_cast<double>(grid_.width), y + static_cast<double>(grid_.height)};
}

Box GridLayout::bounds() const {
  const std::int64_t rows = (grid_.frames + columns_ - 1) / columns_;
  return {0, 0, static_cast<double>(columns_ * (grid_.width + gap_) - gap_),
          static_cast<double>(rows * (grid_.height + gap_) - gap_)};
}

Box GridLayout::cell(std::int64_t raster) const {
  const std::int64_t area = grid_.height * grid_.width;
  const Box in = frame(raster / area);
  const double x = in.x0 + static_cast<double>(raster % grid_.width);
  const double y = in.y0 + static_cast<double>(raster % area / grid_.width);
  return {x, y, x + 1, y + 1};
}

std::optional<std::int64_t> GridLayout::hit(Point world) const {
  if (!bounds().contains(world)) return {};
  const auto column = static_cast<std::int64_t>(world.x), row = static_cast<std::int64_t>(world.y);
  const std::int64_t across = column / (grid_.width + gap_), down = row / (grid_.height + gap_);
  const std::int64_t x = column % (grid_.width + gap_), y = row % (grid_.height + gap_);
  const std::int64_t f = down * columns_ + across;
  if (x >= grid_.width || y >= grid_.height || f >= grid_.frames) return {};
  return (f * grid_.height + y) * grid_.width + x;
}

CellShape GridLayout::region(std::span<const std::int64_t> cells) const {
  const std::int64_t area = grid_.height * grid_.width;
  std::map<std::int64_t, std::vector<std::int64_t>> frames;
  for (const std::int64_t cell : cells) frames[cell / area].push_back(cell % area);
  CellShape region;
  for (const auto& [f, in_frame] : frames) {
    const Mask mask = mask_of(in_frame, grid_.width);
    const Point origin{frame(f).x0, frame(f).y0};
    add_fill(mask, origin, region.fill);
    add_outline(mask, origin, region.outline);
  }
  return region;
}

}  // namespace llsa::viewer

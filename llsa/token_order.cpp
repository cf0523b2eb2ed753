#include "llsa/token_order.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <limits>
#include <string>
#include <utility>

#include "llsa/error.hpp"

namespace llsa {
namespace {

using Cell = std::array<std::int64_t, 3>;  // frame, row, column

void check(const Grid& grid) {
  const std::string text =
      std::to_string(grid.frames) + " x " + std::to_string(grid.height) + " x " + std::to_string(grid.width);
  if (grid.frames < 1 || grid.height < 1 || grid.width < 1)
    throw Error("grid is " + text + "; every extent must be at least 1");
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  if (grid.height > most / grid.frames || grid.width > most / (grid.frames * grid.height))
    throw Error("grid is " + text + "; at most " + std::to_string(most) + " cells are allowed");
}

/// Collects cells in the order of a walk, as raster indices.
class Walk {
 public:
  explicit Walk(const Grid& grid) : grid_(grid) { to_raster_.reserve(static_cast<std::size_t>(grid.size())); }
  const Grid& grid() const { return grid_; }
  void visit(const Cell& c) { to_raster_.push_back((c[0] * grid_.height + c[1]) * grid_.width + c[2]); }
  TokenOrder finish() { return TokenOrder(std::move(to_raster_)); }

 private:
  Grid grid_;
  std::vector<std::int64_t> to_raster_;
};

/// Visits the part of a power-of-two cube that lies inside the grid, octant by octant.
void walk_morton(Walk& walk, const Cell& corner, std::int64_t side) {
  const Grid& grid = walk.grid();
  if (corner[0] >= grid.frames || corner[1] >= grid.height || corner[2] >= grid.width) return;
  if (side == 1) return walk.visit(corner);
  const std::int64_t half = side / 2;
  for (const std::int64_t frame : {std::int64_t{0}, half})
    for (const std::int64_t row : {std::int64_t{0}, half})
      for (const std::int64_t column : {std::int64_t{0}, half})
        walk_morton(walk, {corner[0] + frame, corner[1] + row, corner[2] + column}, half);
}

/// One edge of a box: an axis and how many cells lie along it, negative when the walk runs against the axis.
struct Edge {
  int axis = 0;
  std::int64_t extent = 1;
  std::int64_t length() const { return std::abs(extent); }
  std::int64_t sign() const { return extent < 0 ? -1 : 1; }
  Edge with(std::int64_t cells) const { return {axis, sign() * cells}; }
  Edge reversed() const { return {axis, -extent}; }
};

Cell moved(Cell cell, const Edge& along, std::int64_t cells) {
  cell[static_cast<std::size_t>(along.axis)] += along.sign() * cells;
  return cell;
}

/// The first part of an edge cut in two. An even part lets the walk through it come back without a diagonal step, so an
/// odd half is made even when the edge has a cell to spare.
std::int64_t first_half(const Edge& edge) {
  const std::int64_t half = edge.length() / 2;
  return half % 2 != 0 && edge.length() > 2 ? half + 1 : half;
}

/// Walks through the box with `corner` as its first cell and the far end of edge `a` as its last. A box much longer
/// than it is wide is cut across `a`. Else the walk climbs the near half of `b` (and `c`), crosses along `a` on the far
/// side, and climbs back down: three parts in a plane, five in space. This is the construction of J. Cerveny's
/// generalised Hilbert curve; on power-of-two squares it is Hilbert's own.
void walk_hilbert(Walk& walk, const Cell& corner, const Edge& a, const Edge& b, const Edge& c) {
  const std::int64_t na = a.length(), nb = b.length(), nc = c.length();
  if (nb == 1 && nc == 1) {
    for (std::int64_t i = 0; i < na; ++i) walk.visit(moved(corner, a, i));
    return;
  }
  if (na == 1 && nb == 1) {
    for (std::int64_t i = 0; i < nc; ++i) walk.visit(moved(corner, c, i));
    return;
  }
  if (na == 1 && nc == 1) {
    for (std::int64_t i = 0; i < nb; ++i) walk.visit(moved(corner, b, i));
    return;
  }
  const std::int64_t a1 = first_half(a), b1 = first_half(b), c1 = first_half(c);
  const Edge near_a = a.with(a1), far_a = a.with(na - a1);
  const Edge near_b = b.with(b1), far_b = b.with(nb - b1);
  const Edge near_c = c.with(c1), far_c = c.with(nc - c1);
  const Cell end = moved(corner, a, na - 1);

  if (2 * na > 3 * nb && 2 * na > 3 * nc) {
    walk_hilbert(walk, corner, near_a, b, c);
    walk_hilbert(walk, moved(corner, a, a1), far_a, b, c);
  } else if (3 * nb > 4 * nc) {
    walk_hilbert(walk, corner, near_b, c, near_a);
    walk_hilbert(walk, moved(corner, b, b1), a, far_b, c);
    walk_hilbert(walk, moved(end, b, b1 - 1), near_b.reversed(), c, far_a.reversed());
  } else if (3 * nc > 4 * nb) {
    walk_hilbert(walk, corner, near_c, near_a, b);
    walk_hilbert(walk, moved(corner, c, c1), a, b, far_c);
    walk_hilbert(walk, moved(end, c, c1 - 1), near_c.reversed(), far_a.reversed(), b);
  } else {
    walk_hilbert(walk, corner, near_b, near_c, near_a);
    walk_hilbert(walk, moved(corner, b, b1), c, near_a, far_b);
    walk_hilbert(walk, moved(moved(corner, b, b1 - 1), c, nc - 1), a, near_b.reversed(), far_c.reversed());
    walk_hilbert(walk, moved(moved(end, b, b1), c, nc - 1), c.reversed(), far_a.reversed(), far_b);
    walk_hilbert(walk, moved(end, b, b1 - 1), near_b.reversed(), near_c, far_a.reversed());
  }
}

}  // namespace

TokenOrder::TokenOrder(std::vector<std::int64_t> to_raster)
    : to_raster_(std::move(to_raster)), from_raster_(to_raster_.size(), -1) {
  for (std::size_t i = 0; i < to_raster_.size(); ++i) {
    const std::int64_t cell = to_raster_[i];
    if (cell < 0 || cell >= size())
      throw Error("token order: position " + std::to_string(i) + " holds raster index " + std::to_string(cell) +
                  "; it must be 0 to " + std::to_string(size() - 1));
    std::int64_t& position = from_raster_[static_cast<std::size_t>(cell)];
    if (position >= 0)
      throw Error("token order: positions " + std::to_string(position) + " and " + std::to_string(i) +
                  " both hold raster index " + std::to_string(cell) + "; each must appear once");
    position = static_cast<std::int64_t>(i);
  }
}

TokenOrder raster_order(Grid grid) {
  check(grid);
  std::vector<std::int64_t> identity(static_cast<std::size_t>(grid.size()));
  for (std::size_t i = 0; i < identity.size(); ++i) identity[i] = static_cast<std::int64_t>(i);
  return TokenOrder(std::move(identity));
}

TokenOrder morton_order(Grid grid) {
  check(grid);
  const auto longest = static_cast<std::uint64_t>(std::max({grid.frames, grid.height, grid.width}));
  Walk walk(grid);
  walk_morton(walk, {0, 0, 0}, static_cast<std::int64_t>(std::bit_ceil(longest)));
  return walk.finish();
}

TokenOrder hilbert_order(Grid grid) {
  check(grid);
  // The longest edge leads; of equal ones the columns, then the rows.
  std::array<Edge, 3> edges{Edge{2, grid.width}, Edge{1, grid.height}, Edge{0, grid.frames}};
  std::stable_sort(edges.begin(), edges.end(), [](const Edge& x, const Edge& y) { return x.extent > y.extent; });
  Walk walk(grid);
  walk_hilbert(walk, {0, 0, 0}, edges[0], edges[1], edges[2]);
  return walk.finish();
}

TokenOrder token_order(std::string_view name, Grid grid) {
  if (name == "raster") return raster_order(grid);
  if (name == "morton") return morton_order(grid);
  if (name == "hilbert") return hilbert_order(grid);
  throw Error("token order is '" + std::string(name) + "'; it must be raster, morton or hilbert");
}

}  // namespace llsa

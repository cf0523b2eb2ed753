#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "llsa/token_order.hpp"
#include "viewer/model/geometry.hpp"

namespace llsa::viewer {

/// Where each cell (raster index) of a token grid is drawn: cell = one unit square; the frames of a video lie beside
/// each other in rows, separated by a gap. `hit` inverts `cell`.
class GridLayout {
 public:
  GridLayout() = default;
  explicit GridLayout(Grid grid);

  const Grid& grid() const { return grid_; }
  Box bounds() const;
  /// The rectangle of one frame.
  Box frame(std::int64_t f) const;
  Box cell(std::int64_t raster) const;
  /// The cell under a world point; empty outside every frame and for NaN.
  std::optional<std::int64_t> hit(Point world) const;
  /// The union of some distinct cells.
  CellShape region(std::span<const std::int64_t> cells) const;

 private:
  Grid grid_;
  std::int64_t columns_ = 1;  ///< frames in one row
  std::int64_t gap_ = 0;      ///< cells between frames
};

}  // namespace llsa::viewer

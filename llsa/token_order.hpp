#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace llsa {

/// A grid of tokens in raster order: time slowest, then rows, then columns. Pictures have `frames == 1`.
struct Grid {
  std::int64_t frames = 1, height = 1, width = 1;
  std::int64_t size() const { return frames * height * width; }
  friend bool operator==(const Grid&, const Grid&) = default;
};

/// A permutation of a sequence and its inverse (spec section 7). An order is a value, not a flag inside attention:
/// permute the tokens once before the first layer and back once after the last.
class TokenOrder {
 public:
  /// `to_raster[i]` is the raster index of the i-th token in this order. Throws `Error` unless it is a bijection.
  explicit TokenOrder(std::vector<std::int64_t> to_raster);

  std::int64_t size() const { return static_cast<std::int64_t>(to_raster_.size()); }
  /// Sequence position -> raster index.
  const std::vector<std::int64_t>& to_raster() const { return to_raster_; }
  /// Raster index -> sequence position.
  const std::vector<std::int64_t>& from_raster() const { return from_raster_; }

 private:
  std::vector<std::int64_t> to_raster_, from_raster_;
};

/// The identity.
TokenOrder raster_order(Grid grid);
/// Z-order: cells sorted by the interleaved bits of (frame, row, column), cells outside the grid left out. On
/// power-of-two squares 16 consecutive tokens are a 4x4 patch and 256 a 16x16 patch, as in the paper.
TokenOrder morton_order(Grid grid);
/// A Hilbert curve generalised to any H x W and T x H x W: consecutive tokens are neighbours on the grid (on some
/// odd-sized grids a step may be diagonal).
TokenOrder hilbert_order(Grid grid);

/// By name: "raster", "morton" or "hilbert". Throws `Error` for another name or an extent below 1.
TokenOrder token_order(std::string_view name, Grid grid);

}  // namespace llsa

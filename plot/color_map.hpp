#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plot/color.hpp"

namespace llsa::plot {

/// A look-up table from positions in [0, 1] to colours.
///
/// The table runs through a few anchor colours, straight in Oklab and so spaced that perceived lightness changes at a
/// constant rate: equal steps of the value look equally large, and a sequential map stays readable in grey.
class ColorMap {
 public:
  static constexpr int size = 256;

  /// At least two anchors. `missing` is the colour of values that have no position (NaN); choose one that is not on the
  /// map.
  ColorMap(std::string name, std::span<const Rgb> anchors, Rgb missing);

  const std::string& name() const { return name_; }
  /// Entry `i` is the colour at position `i / 255`: what a texture look-up needs.
  const std::array<Rgb, size>& table() const { return table_; }
  Rgb missing() const { return missing_; }
  /// The nearest table entry. Positions outside [0, 1] take the end colours; NaN takes `missing()`.
  Rgb operator()(double position) const;

 private:
  std::string name_;
  std::array<Rgb, size> table_;
  Rgb missing_;
};

/// "viridis", "magma", "cividis" (sequential, dark to light) and "diverging" (blue, near white, red).
std::vector<std::string> color_map_names();
/// By name; lives as long as the program. Throws `Error` that lists the names for another one.
const ColorMap& color_map(std::string_view name);

/// Relative luminance in [0, 1] (linear light, BT.709 weights).
double luminance(Rgb color);

}  // namespace llsa::plot

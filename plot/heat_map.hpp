#pragma once

#include <span>
#include <string>
#include <vector>

#include "plot/canvas.hpp"
#include "plot/color_map.hpp"
#include "plot/value_range.hpp"

namespace llsa::plot {

/// Values as colours, one pixel a value. `values` is `height x width` in raster order; NaN, and values that have no
/// place on a log range, take the map's `missing()`. Throws `Error` unless the extents are positive and match the
/// values.
Image colorize(std::span<const float> values, int width, int height, const ValueRange& range, const ColorMap& map);

/// A cell to point at: a ring around its centre, light with a dark rim so that it shows on any colour.
struct Marker {
  double row = 0, column = 0;
};
void draw_marker(Canvas& canvas, const Rect& image, std::int64_t height, std::int64_t width, const Marker& marker);

/// A picture of values with its colour bar.
struct HeatMap {
  std::string title = {};              ///< wrapped over the picture; may be empty
  std::span<const float> values = {};  ///< `height x width`, raster order
  int width = 0, height = 0;
  ValueRange range = {};
  std::string color_map = "viridis";
  std::string bar_label = {};  ///< what the values are; may be empty
  bool show_bar = true;
  std::vector<Marker> markers = {};
};

/// Where the parts of a drawn heat map lie. `bar` runs from `range.low()` at its bottom to `range.high()` at its top.
struct HeatMapLayout {
  Rect image, bar;
};

/// Draws into `area`, as large as it fits with square pixels. Throws `Error` like `colorize`.
HeatMapLayout draw_heat_map(Canvas& canvas, const Rect& area, const HeatMap& map);

/// A picture in a frame with a wrapped title over it, as large as it fits with square pixels; returns the picture's
/// place.
Rect draw_picture(Canvas& canvas, const Rect& area, const Image& picture, const std::string& title);

}  // namespace llsa::plot

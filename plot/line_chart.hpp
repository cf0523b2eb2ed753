#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plot/canvas.hpp"
#include "plot/ticks.hpp"
#include "plot/value_range.hpp"

namespace llsa::plot {

/// Points joined by straight lines, in the order given. A point that has no place on its axis (NaN, or not positive on
/// a log axis) breaks the line.
struct Series {
  std::string label = {};  ///< its entry in the legend; none when empty
  std::vector<double> x = {}, y = {};
  std::vector<double> low = {}, high = {};  ///< error bars from `low[i]` to `high[i]`; both empty for none
  Color color = {};
  std::vector<double> dashes = {};
  bool markers = true;
};

struct Axis {
  std::string label = {};
  AxisScale scale = AxisScale::linear;
  std::optional<double> low = {}, high = {};  ///< fixed ends; else they follow the data, with a little room
  std::vector<Tick> ticks = {};               ///< own marks instead of automatic ones
};

struct LineChart {
  std::string title = {};
  Axis x = {}, y = {};
  std::vector<Series> series = {};
};

/// Where the parts of a drawn chart lie: `plot` spans `x` from left to right and `y` from bottom to top.
struct LineChartLayout {
  Rect plot;
  ValueRange x = {}, y = {};
};

/// Draws title, legend (between title and plot, so that it never covers a line), axes, grid and series into `area`.
/// Throws `Error` when a series' lists differ in length, or a fixed range contradicts its scale.
LineChartLayout draw_line_chart(Canvas& canvas, const Rect& area, const LineChart& chart);

}  // namespace llsa::plot

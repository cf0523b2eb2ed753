#include "plot/line_chart.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "llsa/error.hpp"
#include "plot/text_block.hpp"

namespace llsa::plot {
namespace {

const TextStyle title_style{.size = 13, .bold = true, .horizontal = HAlign::center};
const TextStyle x_tick{.size = 9.5, .color = faint_ink, .horizontal = HAlign::center, .vertical = VAlign::top};
const TextStyle y_tick{.size = 9.5, .color = faint_ink, .horizontal = HAlign::right, .vertical = VAlign::middle};
const TextStyle x_label{.size = 11, .horizontal = HAlign::center, .vertical = VAlign::top};
const TextStyle y_label{.size = 11, .horizontal = HAlign::center, .vertical = VAlign::top, .upwards = true};

void check(const Series& series) {
  const std::size_t n = series.x.size();
  const auto fits = [&](const std::vector<double>& values) { return values.empty() || values.size() == n; };
  if (series.y.size() != n || !fits(series.low) || !fits(series.high) || series.low.empty() != series.high.empty())
    throw Error("series '" + series.label + "' has " + std::to_string(n) + " x, " + std::to_string(series.y.size()) +
                " y, " + std::to_string(series.low.size()) + " low and " + std::to_string(series.high.size()) +
                " high values; all must be as many (low and high may both be empty)");
}

ValueRange range_of(const Axis& axis, const std::vector<double>& values) {
  const ValueRange tight = fit_range<double>(values, {axis.scale, axis.low, axis.high, false});
  // A little room, so that marks at the ends are not cut.
  return {axis.low.value_or(tight.value(-0.04)), axis.high.value_or(tight.value(1.04)), axis.scale};
}

std::vector<Tick> marks_of(const Axis& axis, const ValueRange& range) {
  if (axis.ticks.empty()) return ticks(range, 7);
  std::vector<Tick> inside;
  for (const Tick& tick : axis.ticks)
    if (const double at = range.position(tick.value); at >= -1e-9 && at <= 1 + 1e-9) inside.push_back(tick);
  return inside;
}

struct Placement {
  const LineChartLayout& layout;
  double x(double value) const { return layout.plot.x + layout.x.position(value) * layout.plot.width; }
  double y(double value) const { return layout.plot.bottom() - layout.y.position(value) * layout.plot.height; }
};

void draw_axes(Canvas& canvas, const Placement& place, const std::vector<Tick>& x, const std::vector<Tick>& y) {
  const Rect& plot = place.layout.plot;
  const auto weight = [](const Tick& tick) { return Stroke{grid_line, tick.label.empty() ? 0.4 : 0.9, {}}; };
  for (const Tick& tick : x)
    canvas.line({place.x(tick.value), plot.y}, {place.x(tick.value), plot.bottom()}, weight(tick));
  for (const Tick& tick : y)
    canvas.line({plot.x, place.y(tick.value)}, {plot.right(), place.y(tick.value)}, weight(tick));
  double free_from = -1e9;  // labels that would run into the one before are left out
  for (const Tick& tick : x) {
    const double half = canvas.text_width(tick.label, x_tick) / 2, at = place.x(tick.value);
    if (tick.label.empty() || at - half < free_from) continue;
    canvas.text(tick.label, {at, plot.bottom() + 5}, x_tick);
    free_from = at + half + 4;
  }
  double free_above = 1e9;
  for (const Tick& tick : y) {
    const double at = place.y(tick.value);
    if (tick.label.empty() || at > free_above) continue;
    canvas.text(tick.label, {plot.x - 6, at}, y_tick);
    free_above = at - 1.2 * y_tick.size;
  }
  canvas.stroke(plot, {faint_ink, 1, {}});
}

void draw_series(Canvas& canvas, const Placement& place, const Series& series) {
  std::vector<Point> run;
  const auto flush = [&] {
    if (run.size() > 1) canvas.polyline(run, {series.color, 2, series.dashes});
    if (series.markers)
      for (const Point& p : run) canvas.circle(p, 3.2, series.color);
    run.clear();
  };
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    const Point at{place.x(series.x[i]), place.y(series.y[i])};
    if (!std::isfinite(at.x) || !std::isfinite(at.y)) {
      flush();
      continue;
    }
    run.push_back(at);
    if (series.low.empty()) continue;
    const double low = place.y(series.low[i]), high = place.y(series.high[i]);
    if (!std::isfinite(low) || !std::isfinite(high)) continue;
    const Stroke stroke{series.color, 1.2, {}};
    canvas.line({at.x, low}, {at.x, high}, stroke);
    canvas.line({at.x - 3, low}, {at.x + 3, low}, stroke);
    canvas.line({at.x - 3, high}, {at.x + 3, high}, stroke);
  }
  flush();
}

}  // namespace

LineChartLayout draw_line_chart(Canvas& canvas, const Rect& area, const LineChart& chart) {
  std::vector<double> xs, ys;
  std::vector<LegendEntry> legend;
  for (const Series& series : chart.series) {
    check(series);
    xs.insert(xs.end(), series.x.begin(), series.x.end());
    for (const auto* values : {&series.y, &series.low, &series.high})
      ys.insert(ys.end(), values->begin(), values->end());
    if (!series.label.empty()) legend.push_back({series.label, series.color, LegendEntry::Mark::line, series.dashes});
  }
  LineChartLayout layout{{}, range_of(chart.x, xs), range_of(chart.y, ys)};
  const std::vector<Tick> x_marks = marks_of(chart.x, layout.x), y_marks = marks_of(chart.y, layout.y);

  double top = area.y;
  if (!chart.title.empty()) top += draw_text(canvas, area, chart.title, title_style) + 4;
  if (!legend.empty()) top += draw_legend(canvas, {area.x, top, area.width, 0}, legend, 10.5) + 6;
  top = std::max(top, area.y + y_tick.size / 2);

  double tick_width = 0, last_label = 0;
  for (const Tick& tick : y_marks) tick_width = std::max(tick_width, canvas.text_width(tick.label, y_tick));
  for (const Tick& tick : x_marks) last_label = std::max(last_label, canvas.text_width(tick.label, x_tick) / 2);
  const double left = tick_width + 8 + (chart.y.label.empty() ? 0 : 1.6 * y_label.size);
  const double below = 7 + 1.3 * x_tick.size + (chart.x.label.empty() ? 0 : 1.6 * x_label.size);
  layout.plot = {area.x + left, top, std::max(1.0, area.width - left - last_label),
                 std::max(1.0, area.bottom() - top - below)};

  const Placement place{layout};
  canvas.fill(layout.plot, white);
  draw_axes(canvas, place, x_marks, y_marks);
  canvas.begin_clip(layout.plot);
  for (const Series& series : chart.series) draw_series(canvas, place, series);
  canvas.end_clip();
  if (!chart.x.label.empty())
    canvas.text(chart.x.label, {layout.plot.center().x, area.bottom() - 1.3 * x_label.size}, x_label);
  if (!chart.y.label.empty()) canvas.text(chart.y.label, {area.x, layout.plot.center().y}, y_label);
  return layout;
}

}  // namespace llsa::plot

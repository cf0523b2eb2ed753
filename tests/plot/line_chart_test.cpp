#include "plot/line_chart.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "drawing_checks.hpp"
#include "llsa/error.hpp"

namespace llsa::plot {
namespace {

constexpr Rgb red = rgb(0xd01020), blue = rgb(0x1020d0);

LineChart two_series() {
  return {.title = "Time against tokens",
          .x = {.label = "tokens", .scale = AxisScale::log},
          .y = {.label = "milliseconds", .scale = AxisScale::log},
          .series = {{.label = "dense",
                      .x = {1e3, 1e4, 1e5},
                      .y = {1, 100, 1e4},
                      .low = {0.5, 50, 5e3},
                      .high = {2, 200, 2e4},
                      .color = red},
                     {.label = "sparse", .x = {1e3, 1e4, 1e5}, .y = {2, 20, 200}, .color = blue}}};
}

Point place(const LineChartLayout& layout, double x, double y) {
  return {layout.plot.x + layout.x.position(x) * layout.plot.width,
          layout.plot.bottom() - layout.y.position(y) * layout.plot.height};
}

TEST(LineChart, points_lie_where_the_axes_say_with_lines_and_error_bars_between) {
  Canvas canvas(400, 300);
  const LineChartLayout layout = draw_line_chart(canvas, canvas.area().inset(10), two_series());
  const Image image = canvas.render(2);
  const auto at = [&](double x, double y) {
    const Point p = place(layout, x, y);
    return color_at(image, {2 * p.x, 2 * p.y});
  };
  EXPECT_EQ(at(1e4, 100), red);
  EXPECT_EQ(at(1e5, 200), blue);
  EXPECT_EQ(at(std::sqrt(1e7), 10), red);      // on a log-log chart a power law is straight
  EXPECT_TRUE(close(at(1e4, 160), red, 60));   // within the error bar
  EXPECT_FALSE(close(at(1e4, 900), red, 60));  // beyond it
  EXPECT_EQ(at(1e4, 1000), rgb(0xdfe3e8));     // a grid line
}

TEST(LineChart, labels_stay_inside_at_every_scale_and_legend_and_title_lie_above_the_plot) {
  for (const double width : {260.0, 500.0}) {
    Canvas canvas(width, 240);
    const LineChartLayout layout = draw_line_chart(canvas, canvas.area().inset(3), two_series());
    EXPECT_TRUE(edge_is_clear(canvas, 1)) << width;
    EXPECT_TRUE(edge_is_clear(canvas, 2)) << width;
    EXPECT_GT(layout.plot.y, 3 + 13 + 10);
    EXPECT_LT(layout.plot.bottom(), 240 - 25);
  }
}

TEST(LineChart, a_point_without_a_place_breaks_the_line) {
  LineChart chart{.series = {{.x = {0, 1, 2, 3, 4}, .y = {1, 1, std::nan(""), 1, 1}, .color = red, .markers = false}}};
  Canvas canvas(300, 200);
  const LineChartLayout layout = draw_line_chart(canvas, canvas.area().inset(10), chart);
  const Image image = canvas.render();
  const auto is_red = [&](double x) { return close(color_at(image, place(layout, x, 1)), red, 90); };
  EXPECT_TRUE(is_red(0.6));
  EXPECT_FALSE(is_red(1.7));
  EXPECT_FALSE(is_red(2.3));
  EXPECT_TRUE(is_red(3.4));
}

TEST(LineChart, fixed_ends_and_own_ticks_are_kept) {
  LineChart chart = two_series();
  chart.x.low = 100;
  chart.x.high = 1e6;
  chart.y.ticks = {{10, "ten"}, {1e9, "outside"}};
  Canvas canvas(300, 200);
  const LineChartLayout layout = draw_line_chart(canvas, canvas.area().inset(5), chart);
  EXPECT_EQ(layout.x.low(), 100);
  EXPECT_EQ(layout.x.high(), 1e6);
  EXPECT_TRUE(edge_is_clear(canvas, 1));
}

TEST(LineChart, an_empty_chart_still_draws_its_axes) {
  Canvas canvas(200, 150);
  const LineChartLayout layout = draw_line_chart(canvas, canvas.area().inset(5), {.title = "nothing"});
  EXPECT_GT(layout.plot.width, 100);
}

TEST(LineChart, lists_of_different_lengths_are_errors) {
  Canvas canvas(200, 150);
  EXPECT_THROW(draw_line_chart(canvas, canvas.area(), {.series = {{.label = "a", .x = {1, 2}, .y = {1}}}}), Error);
  EXPECT_THROW(draw_line_chart(canvas, canvas.area(), {.series = {{.x = {1}, .y = {1}, .low = {1}}}}), Error);
  EXPECT_THROW(draw_line_chart(canvas, canvas.area(), {.series = {{.x = {1}, .y = {1}, .low = {1}, .high = {1, 2}}}}),
               Error);
}

}  // namespace
}  // namespace llsa::plot

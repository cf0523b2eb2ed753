// Whole figures, call by call, against kept ones (tests/kept/plot).
#include <gtest/gtest.h>

#include <cmath>

#include "plot/heat_map.hpp"
#include "plot/line_chart.hpp"
#include "plot/selection_overlay.hpp"
#include "support/kept_text.hpp"

namespace llsa::plot {
namespace {

TEST(Figures, a_line_chart_is_as_kept) {
  LineChart chart{.title = "A title",
                  .x = {.label = "tokens", .scale = AxisScale::log},
                  .y = {.label = "milliseconds", .scale = AxisScale::log}};
  chart.series = {{.label = "one",
                   .x = {1, 10, 100},
                   .y = {2, 5, 90},
                   .low = {1, 4, 80},
                   .high = {3, 7, 95},
                   .color = category_color(0)},
                  {.label = "two",
                   .x = {1, 30, NAN, 200},
                   .y = {9, 8, 7, 6},
                   .color = category_color(1),
                   .dashes = {5, 4},
                   .markers = false}};
  Canvas canvas(520, 380);
  draw_line_chart(canvas, canvas.area().inset(10), chart);
  chart.x = {
      .label = "step", .low = 0, .high = 250, .ticks = {{0, "begin"}, {125, "middle"}, {249, "end"}, {999, "no"}}};
  chart.y = {.label = "loss"};
  Canvas linear(360, 240);
  draw_line_chart(linear, linear.area().inset(6), chart);
  EXPECT_EQ(room::differs_from_kept("plot/line_chart", canvas.scene() + linear.scene()), "");
}

TEST(Figures, a_heat_map_is_as_kept) {
  std::vector<float> values;
  for (int i = 0; i < 12; ++i) values.push_back(static_cast<float>(i * i) / 100);
  values[7] = NAN;
  Canvas canvas(420, 340);
  draw_heat_map(canvas, canvas.area().inset(9),
                {.title = "A map with a title that is too long for one line of this figure, and so is broken",
                 .values = values,
                 .width = 4,
                 .height = 3,
                 .range = {0, 1.21},
                 .color_map = "magma",
                 .bar_label = "value",
                 .markers = {{1, 2}, {2, 0}}});
  Canvas logarithmic(300, 300);
  draw_heat_map(
      logarithmic, logarithmic.area().inset(4),
      {.values = values, .width = 3, .height = 4, .range = {1e-3, 2, AxisScale::log}, .color_map = "viridis"});
  EXPECT_EQ(room::differs_from_kept("plot/heat_map", canvas.scene() + logarithmic.scene()), "");
}

TEST(Figures, a_selection_is_as_kept) {
  SelectionOverlay overlay{.title = "Selected", .picture = Image(8, 6), .markers = {{2, 3}}, .marker_label = "query"};
  for (int i = 0; i < 2; ++i) {
    OverlayLayer layer{.label = i ? "fine" : "coarse", .color = category_color(i), .chosen = i == 1};
    for (int token = 0; token < 2; ++token) {
      Region& region = layer.tokens.emplace_back(6, 8);
      for (int row = 0; row < 2; ++row)
        for (int column = 0; column < 3 - i; ++column) region.insert(row + 3 * token, column + 4 * i);
    }
    overlay.layers.push_back(std::move(layer));
  }
  Canvas canvas(400, 380);
  draw_selection_overlay(canvas, canvas.area().inset(12), overlay);
  EXPECT_EQ(room::differs_from_kept("plot/selection", canvas.scene()), "");
}

}  // namespace
}  // namespace llsa::plot

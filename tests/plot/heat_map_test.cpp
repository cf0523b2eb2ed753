#include "plot/heat_map.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "drawing_checks.hpp"
#include "llsa/error.hpp"

namespace llsa::plot {
namespace {

std::vector<float> ramp(int count, float low, float high) {
  std::vector<float> values;
  for (int i = 0; i < count; ++i)
    values.push_back(low + (high - low) * static_cast<float>(i) / static_cast<float>(count - 1));
  return values;
}

/// The value that a reader takes from the bar for a colour: the middle of the stretch of the bar that has this colour.
double read_off(const Image& image, double scale, const HeatMapLayout& layout, const ValueRange& range, Rgb color) {
  double sum = 0;
  int count = 0;
  const double x = scale * layout.bar.center().x;
  for (double y = scale * layout.bar.y + 2; y < scale * layout.bar.bottom() - 2; ++y)
    if (color_at(image, {x, y}) == color) sum += y + 0.5, ++count;
  if (count == 0) return std::numeric_limits<double>::quiet_NaN();
  return range.value((layout.bar.bottom() - sum / count / scale) / layout.bar.height);
}

TEST(HeatMap, the_colour_bar_inverts_the_map) {
  const int width = 8, height = 6;
  const std::vector<float> values = ramp(width * height, 0.5F, 80.0F);
  for (const std::string& name : color_map_names()) {
    for (const AxisScale scale : {AxisScale::linear, AxisScale::log}) {
      const ValueRange range = fit_range<float>(values, {.scale = scale});
      Canvas canvas(500, 360);
      const HeatMapLayout layout = draw_heat_map(
          canvas, canvas.area().inset(10),
          {.title = "values", .values = values, .width = width, .height = height, .range = range, .color_map = name});
      const Image image = canvas.render(2);
      const double cell_x = layout.image.width / width, cell_y = layout.image.height / height;
      for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
          if ((x == 0 && y == 0) || (x == width - 1 && y == height - 1))
            continue;  // the bar's ends lie under its frame
          const double value = values[static_cast<std::size_t>(y * width + x)];
          const Rgb color =
              color_at(image, {2 * (layout.image.x + (x + 0.5) * cell_x), 2 * (layout.image.y + (y + 0.5) * cell_y)});
          const double read = read_off(image, 2, layout, range, color);
          EXPECT_NEAR(range.position(read), range.position(value), 1.5 / 255) << name << " at " << x << ", " << y;
        }
    }
  }
}

TEST(HeatMap, colorize_puts_each_value_at_its_pixel_and_shows_what_is_missing) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values{0, 1, 0.5F, nan, -5, 9};
  const ColorMap& map = color_map("viridis");
  const Image image = colorize(values, 3, 2, {0, 1}, map);
  EXPECT_EQ(pixel(image, 0, 0), map.table()[0]);
  EXPECT_EQ(pixel(image, 1, 0), map.table()[255]);
  EXPECT_EQ(pixel(image, 2, 0), map.table()[128]);
  EXPECT_EQ(pixel(image, 0, 1), map.missing());
  EXPECT_EQ(pixel(image, 1, 1), map.table()[0]);
  EXPECT_EQ(pixel(image, 2, 1), map.table()[255]);
  const Image log = colorize(values, 3, 2, {0.1, 1, AxisScale::log}, map);
  EXPECT_EQ(pixel(log, 0, 0), map.missing());
  EXPECT_THROW(colorize(values, 2, 2, {0, 1}, map), Error);
  EXPECT_THROW(colorize(values, 0, 6, {0, 1}, map), Error);
  EXPECT_THROW(colorize({}, -1, 0, {0, 1}, map), Error);
}

TEST(HeatMap, everything_stays_inside_its_area_and_pixels_are_square) {
  const std::vector<float> values = ramp(35, -3e-7F, 5e-7F);
  for (const double scale : {1.0, 2.0}) {
    Canvas canvas(320, 260);
    const HeatMapLayout layout =
        draw_heat_map(canvas, canvas.area().inset(4),
                      {.title = "A title that is much too long for one line over so small a picture, so it is wrapped",
                       .values = values,
                       .width = 7,
                       .height = 5,
                       .range = fit_range<float>(values, {.symmetric = true}),
                       .color_map = "diverging",
                       .bar_label = "difference"});
    EXPECT_TRUE(edge_is_clear(canvas, scale));
    EXPECT_NEAR(layout.image.width / 7, layout.image.height / 5, 1e-9);
    EXPECT_GT(layout.bar.x, layout.image.right());
    EXPECT_EQ(layout.bar.height, layout.image.height);
  }
}

TEST(HeatMap, ticks_beside_the_bar_stand_at_their_values) {
  const std::vector<float> values = ramp(16, 0, 1);
  Canvas canvas(300, 260);
  const HeatMapLayout layout =
      draw_heat_map(canvas, canvas.area().inset(8), {.values = values, .width = 4, .height = 4, .range = {0, 1}});
  const Image image = canvas.render(4);
  for (int i = 1; i < 50; ++i) {
    const double value = i / 50.0;
    const Point beside{4 * (layout.bar.right() + 2), 4 * (layout.bar.bottom() - value * layout.bar.height)};
    EXPECT_EQ(color_at(image, beside) != rgb(0xffffff), i % 10 == 0) << value;
  }
}

TEST(HeatMap, a_marker_rings_its_cell) {
  const std::vector<float> values(64 * 64, 0.25F);
  Canvas canvas(300, 260);
  const HeatMapLayout layout = draw_heat_map(
      canvas, canvas.area().inset(8),
      {.values = values, .width = 64, .height = 64, .range = {0, 1}, .show_bar = false, .markers = {{10, 50}}});
  const Image image = canvas.render(2);
  const Point centre{layout.image.x + 50.5 / 64 * layout.image.width, layout.image.y + 10.5 / 64 * layout.image.height};
  EXPECT_EQ(color_at(image, {2 * (centre.x + 6), 2 * centre.y}), rgb(0xffffff));
  EXPECT_EQ(color_at(image, {2 * centre.x, 2 * (centre.y - 6)}), rgb(0xffffff));
  EXPECT_EQ(color_at(image, {2 * centre.x, 2 * centre.y}), color_map("viridis")(0.25));
}

}  // namespace
}  // namespace llsa::plot

// Every label of a chart leaves ink where it belongs.
#include <gtest/gtest.h>

#include "drawing_checks.hpp"
#include "plot/line_chart.hpp"

namespace llsa::plot {
namespace {

/// How many pixels of a region (in points, the picture at twice that) are darker than paper.
int ink(const Image& image, double left, double top, double right, double bottom) {
  int count = 0;
  for (double y = top; y < bottom; y += 0.5)
    for (double x = left; x < right; x += 0.5) {
      const Rgb color = color_at(image, {2 * x, 2 * y});
      count += color.r < 200 && color.g < 200 && color.b < 200;
    }
  return count;
}

LineChart chart(const std::string& x_label, const std::string& y_label) {
  return {.title = "",
          .x = {.label = x_label},
          .y = {.label = y_label},
          .series = {{.label = "one", .x = {0, 50, 100}, .y = {0, 30, 60}, .color = rgb(0x1020d0)}}};
}

TEST(LineChart, has_the_labels_of_its_axes_and_of_their_ticks) {
  const auto drawn = [](const std::string& x_label, const std::string& y_label, LineChartLayout& layout) {
    Canvas canvas(400, 300);
    layout = draw_line_chart(canvas, canvas.area().inset(10), chart(x_label, y_label));
    return canvas.render(2);
  };
  LineChartLayout layout, bare;
  const Image labelled = drawn("tokens", "milliseconds", layout), plain = drawn("", "", bare);
  const double middle = layout.plot.center().y;
  EXPECT_GT(ink(labelled, 10, middle - 40, 24, middle + 40), 40) << "the label of y, upright at the left";
  EXPECT_GT(ink(labelled, 100, layout.plot.bottom() + 20, 300, 292), 40) << "the label of x at the bottom";
  for (const auto& [image, at] : {std::pair(&labelled, &layout), std::pair(&plain, &bare)}) {
    EXPECT_GT(ink(*image, at->plot.x - 20, at->plot.y - 5, at->plot.x - 4, at->plot.bottom() + 5), 20) << "ticks of y";
    EXPECT_GT(ink(*image, at->plot.x - 8, at->plot.bottom() + 4, at->plot.right() + 8, at->plot.bottom() + 18), 20)
        << "ticks of x";
  }
  EXPECT_LT(bare.plot.x, layout.plot.x) << "no label takes no room";
}

}  // namespace
}  // namespace llsa::plot

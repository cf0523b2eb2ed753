#include "plot/heat_map.hpp"

#include <algorithm>

#include "llsa/error.hpp"
#include "plot/text_block.hpp"
#include "plot/ticks.hpp"

namespace llsa::plot {
namespace {

constexpr double title_gap = 6, bar_gap = 10, bar_width = 14, tick_length = 4;
const TextStyle title_style{.size = 12, .bold = true, .horizontal = HAlign::center};
const TextStyle tick_style{.size = 9, .color = faint_ink, .vertical = VAlign::middle};
const TextStyle label_style{.size = 10, .horizontal = HAlign::center, .vertical = VAlign::top, .upwards = true};

/// The largest rectangle of the picture's shape in `area`: at its top, so that panels side by side line up, and
/// centred.
Rect fit(const Rect& area, int width, int height) {
  const double zoom = std::max(0.01, std::min(area.width / width, area.height / height));
  return {area.x + (area.width - zoom * width) / 2, area.y, zoom * width, zoom * height};
}

double title_height(const Canvas& canvas, const std::string& title, double width) {
  return title.empty() ? 0 : text_height(canvas, title, width, title_style) + title_gap;
}

Rect frame(Canvas& canvas, const Rect& area, const Image& picture, const std::string& title) {
  const double top = title_height(canvas, title, area.width);
  const Rect image = fit({area.x, area.y + top, area.width, area.height - top}, picture.width, picture.height);
  draw_text(canvas, {area.x, image.y - top, area.width, top}, title, title_style);
  canvas.image(picture, image);
  canvas.stroke(image, {faint_ink, 0.75, {}});
  return image;
}

double bar_text_width(const Canvas& canvas, const std::vector<Tick>& marks) {
  double result = 0;
  for (const Tick& tick : marks) result = std::max(result, canvas.text_width(tick.label, tick_style));
  return result;
}

void draw_bar(Canvas& canvas, const Rect& bar, const HeatMap& map, const std::vector<Tick>& marks, double text_width) {
  Image ramp(1, ColorMap::size);
  for (int i = 0; i < ColorMap::size; ++i)
    set_pixel(ramp, 0, ColorMap::size - 1 - i, color_map(map.color_map).table()[static_cast<std::size_t>(i)]);
  canvas.image(ramp, bar);
  canvas.stroke(bar, {faint_ink, 0.75, {}});
  for (const Tick& tick : marks) {
    const double y = bar.bottom() - map.range.position(tick.value) * bar.height;
    const double length = tick.label.empty() ? tick_length / 2 : tick_length;
    canvas.line({bar.right(), y}, {bar.right() + length, y}, {faint_ink, 0.75, {}});
    canvas.text(tick.label, {bar.right() + tick_length + 3, y}, tick_style);
  }
  if (!map.bar_label.empty())
    canvas.text(map.bar_label, {bar.right() + tick_length + 3 + text_width + 6, bar.center().y}, label_style);
}

}  // namespace

Image colorize(std::span<const float> values, int width, int height, const ValueRange& range, const ColorMap& map) {
  if (width < 1 || height < 1 || values.size() != static_cast<std::size_t>(width) * static_cast<std::size_t>(height))
    throw Error("heat map is " + std::to_string(width) + " x " + std::to_string(height) + " with " +
                std::to_string(values.size()) + " values; extents must be positive and the values as many as pixels");
  Image result(width, height);
  std::size_t i = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) set_pixel(result, x, y, map(range.position(values[i++])));
  return result;
}

void draw_marker(Canvas& canvas, const Rect& image, std::int64_t height, std::int64_t width, const Marker& marker) {
  const Point at{image.x + (marker.column + 0.5) * image.width / static_cast<double>(width),
                 image.y + (marker.row + 0.5) * image.height / static_cast<double>(height)};
  canvas.ring(at, 6, {black, 4, {}});
  canvas.ring(at, 6, {white, 2, {}});
}

HeatMapLayout draw_heat_map(Canvas& canvas, const Rect& area, const HeatMap& map) {
  const Image picture = colorize(map.values, map.width, map.height, map.range, color_map(map.color_map));
  const std::vector<Tick> marks = ticks(map.range, 5);
  const double text_width = bar_text_width(canvas, marks);
  double bar_space = 0;
  if (map.show_bar) {
    bar_space = bar_gap + bar_width + tick_length + 3 + text_width;
    if (!map.bar_label.empty()) bar_space += 6 + 1.3 * label_style.size;
  }
  // The first and last tick's labels reach half a line beyond the bar.
  const double overhang = map.show_bar ? tick_style.size / 2 : 0;
  const Rect inner{area.x, area.y, area.width - bar_space, area.height - overhang};
  HeatMapLayout layout;
  layout.image = frame(canvas, inner, picture, map.title);
  if (map.show_bar) {
    layout.bar = {layout.image.right() + bar_gap, layout.image.y, bar_width, layout.image.height};
    draw_bar(canvas, layout.bar, map, marks, text_width);
  }
  for (const Marker& marker : map.markers) draw_marker(canvas, layout.image, map.height, map.width, marker);
  return layout;
}

Rect draw_picture(Canvas& canvas, const Rect& area, const Image& picture, const std::string& title) {
  return frame(canvas, area, picture, title);
}

}  // namespace llsa::plot

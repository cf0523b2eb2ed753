#include "plot/selection_overlay.hpp"

#include <algorithm>

#include "llsa/error.hpp"
#include "plot/text_block.hpp"

namespace llsa::plot {
namespace {

constexpr double legend_gap = 8;

std::vector<LegendEntry> legend_of(const SelectionOverlay& overlay) {
  std::vector<LegendEntry> entries;
  if (!overlay.legend) return entries;
  for (const OverlayLayer& layer : overlay.layers) entries.push_back({layer.label, layer.color});
  if (!overlay.marker_label.empty()) entries.push_back({overlay.marker_label, ink, LegendEntry::Mark::ring});
  return entries;
}

/// What no chosen layer covers.
Region complement(const SelectionOverlay& overlay, std::int64_t height, std::int64_t width) {
  Region result(height, width);
  for (std::int64_t row = 0; row < height; ++row)
    for (std::int64_t column = 0; column < width; ++column) {
      const auto covers = [&](const Region& token) { return token.contains(row, column); };
      const auto covered = [&](const OverlayLayer& layer) {
        return layer.chosen && std::ranges::any_of(layer.tokens, covers);
      };
      if (std::ranges::none_of(overlay.layers, covered)) result.insert(row, column);
    }
  return result;
}

}  // namespace

Rect draw_selection_overlay(Canvas& canvas, const Rect& area, const SelectionOverlay& overlay) {
  std::int64_t height = overlay.picture.height, width = overlay.picture.width;
  const Region* first = nullptr;
  for (const OverlayLayer& layer : overlay.layers) {
    for (const Region& token : layer.tokens) {
      if (first == nullptr) first = &token, height = token.height(), width = token.width();
      if (token.height() != height || token.width() != width)
        throw Error("overlay regions are " + std::to_string(height) + " x " + std::to_string(width) + " and " +
                    std::to_string(token.height()) + " x " + std::to_string(token.width()) +
                    " cells; all must have the same grid");
    }
  }
  const std::vector<LegendEntry> entries = legend_of(overlay);
  const double below = entries.empty() ? 0 : legend_gap + legend_height(canvas, area.width, entries);
  const Rect image =
      draw_picture(canvas, {area.x, area.y, area.width, area.height - below}, overlay.picture, overlay.title);
  canvas.begin_clip(image);
  if (overlay.fade > 0)
    canvas.fill(map_to(image, height, width, complement(overlay, height, width).outline()),
                white.with_alpha(overlay.fade));
  for (const OverlayLayer& layer : overlay.layers) {
    for (const Region& token : layer.tokens) {
      const auto contours = map_to(image, height, width, token.outline());
      if (layer.tint > 0) canvas.fill(contours, layer.color.with_alpha(layer.tint));
      if (layer.outline > 0) canvas.stroke(contours, {layer.color, layer.outline, {}});
    }
  }
  canvas.end_clip();
  for (const Marker& marker : overlay.markers) draw_marker(canvas, image, height, width, marker);
  if (!entries.empty()) draw_legend(canvas, {area.x, image.bottom() + legend_gap, area.width, below}, entries);
  return image;
}

}  // namespace llsa::plot

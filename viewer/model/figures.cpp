#include "viewer/model/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "plot/heat_map.hpp"
#include "plot/line_chart.hpp"
#include "plot/selection_overlay.hpp"
#include "viewer/model/compare.hpp"
#include "viewer/model/pyramid_layout.hpp"

namespace llsa::viewer {
namespace {

/// Where a cell lies among the whole cells of the laid-out grid.
struct Place {
  std::int64_t row = 0, column = 0;
};

Place place_of(const GridLayout& layout, std::int64_t cell) {
  const Box at = layout.cell(cell);
  return {static_cast<std::int64_t>(at.y0), static_cast<std::int64_t>(at.x0)};
}

plot::Marker marker_of(const GridLayout& layout, std::int64_t cell) {
  const Place at = place_of(layout, cell);
  return {static_cast<double>(at.row), static_cast<double>(at.column)};
}

std::string query_name(const Document& document, std::int64_t cell) {
  const std::int64_t width = document.query_grid.width, height = document.query_grid.height;
  return fmt::format("query at x {}, y {}", cell % width, cell / width % height);
}

plot::Canvas overlay_figure(const Workspace& work, const QueryView& query, double width, double height) {
  const Head& head = *query.head->head;
  const auto rows = static_cast<std::int64_t>(head.key_cells.bounds().y1);
  const auto columns = static_cast<std::int64_t>(head.key_cells.bounds().x1);
  plot::SelectionOverlay overlay;
  overlay.title = fmt::format("{}: selected blocks, {}", query_name(*work.document(), work.view.query_cell),
                              describe(query.head->settings));
  overlay.picture = grid_picture(*work.document(), query.head->settings.batch, head.key_cells);
  for (int level = query.head->levels(); level >= 1; --level) {
    if ((work.view.only_level && level != work.level()) || work.view.hides(level)) continue;
    plot::OverlayLayer layer{.label = fmt::format("level {}: {} of {}", level, query.level(level).selected,
                                                  query.level(level).candidates.size()),
                             .color = level_color(level)};
    for (const Candidate& c : query.level(level).candidates) {
      if (c.rank < 0) continue;
      plot::Region& region = layer.tokens.emplace_back(rows, columns);
      for (const std::int64_t cell : key_cells(*query.head, {level, c.token})) {
        const Place at = place_of(head.key_cells, cell);
        region.insert(at.row, at.column);
      }
    }
    overlay.layers.push_back(std::move(layer));
  }
  if (work.document()->self_attention()) overlay.markers.push_back(marker_of(head.key_cells, work.view.query_cell));
  overlay.marker_label = "query";
  plot::Canvas canvas(width, height);
  plot::draw_selection_overlay(canvas, canvas.area().inset(12), overlay);
  return canvas;
}

/// Values by cell, as a heat map over the laid-out grid.
plot::Canvas cells_figure(const Workspace& work, const GridLayout& layout, std::span<const float> values,
                          const ColorScale& scale, std::string title, std::string label, double width, double height) {
  const auto columns = static_cast<std::int64_t>(layout.bounds().x1);
  std::vector<float> laid(static_cast<std::size_t>(columns * static_cast<std::int64_t>(layout.bounds().y1)),
                          std::nanf(""));
  for (std::size_t cell = 0; cell < values.size(); ++cell) {
    const Place at = place_of(layout, static_cast<std::int64_t>(cell));
    float value = values[cell];
    // A log axis has no place for nothing at all; on screen and here it takes the low end.
    if (scale.range().scale() == plot::AxisScale::log && value <= 0) value = static_cast<float>(scale.range().low());
    laid[static_cast<std::size_t>(at.row * columns + at.column)] = value;
  }
  plot::Canvas canvas(width, height);
  plot::HeatMap map{.title = std::move(title),
                    .values = laid,
                    .width = static_cast<int>(columns),
                    .height = static_cast<int>(layout.bounds().y1),
                    .range = scale.range(),
                    .color_map = scale.map().name(),
                    .bar_label = std::move(label)};
  if (work.document()->self_attention()) map.markers.push_back(marker_of(layout, work.view.query_cell));
  plot::draw_heat_map(canvas, canvas.area().inset(12), map);
  return canvas;
}

plot::Canvas blocks_figure(const Workspace& work, const QueryView& query, double width, double height) {
  if (work.level() == 0) throw Error("dense attention has no block map");
  const BlockMap map(*query.head, work.level());
  const BlockImage image = map.paint(map.bounds(), 1024, 1024, work.view.block_value);
  std::vector<float> values = image.values, filled;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (image.filled[i])
      filled.push_back(values[i]);
    else
      values[i] = std::nanf("");
  const ColorScale scale(work.view.block_colors, filled, false);
  plot::Canvas canvas(width, height);
  plot::draw_heat_map(canvas, canvas.area().inset(12),
                      {.title = fmt::format("level {}: query tokens (down) x key tokens (across)", work.level()),
                       .values = values,
                       .width = image.width,
                       .height = image.height,
                       .range = scale.range(),
                       .color_map = scale.map().name(),
                       .bar_label = work.view.block_value == BlockValue::rank ? "1 = best of its list" : "score"});
  return canvas;
}

plot::Canvas pyramid_figure(const Workspace& work, const QueryView& query, double width, double height) {
  const PyramidLayout layout(query, work.view.to_scale);
  plot::Canvas canvas(width, std::min(height, 90.0 * layout.rows() + 60));
  const plot::Rect area = {80, 40, canvas.width() - 100, canvas.height() - 60};
  canvas.text(query_name(*work.document(), work.view.query_cell) + ", " + describe(query.head->settings), {80, 26},
              {.size = 13, .bold = true});
  const auto place = [&](Point p) {
    return plot::Point{area.x + p.x * area.width, area.y + p.y * area.height / layout.rows()};
  };
  for (const PyramidNode& node : layout.nodes()) {
    if (node.parent < 0) continue;
    const Box& parent = layout.nodes()[static_cast<std::size_t>(node.parent)].rect;
    const bool chosen = node.rank >= 0;
    canvas.line(place({parent.center().x, parent.y1}), place({node.rect.center().x, node.rect.y0}),
                {.color = plot::Color(level_color(node.key.level)).with_alpha(chosen ? 0.8 : 0.15),
                 .width = chosen ? 1.0 : 0.5});
  }
  for (const PyramidNode& node : layout.nodes()) {
    const plot::Point a = place({node.rect.x0, node.rect.y0}), b = place({node.rect.x1, node.rect.y1});
    const plot::Rect rect = {a.x, a.y, std::max(0.4, (b.x - a.x) * 0.92), b.y - a.y};
    const bool chosen = node.rank >= 0 || node.key.level == 0;
    canvas.fill(rect, chosen ? plot::Color(level_color(node.key.level)) : plot::grid_line);
  }
  for (int row = 0; row < layout.rows(); ++row) {
    const Box band = layout.row(layout.level_of_row(row));
    canvas.text(row + 1 == layout.rows() ? "fine keys" : fmt::format("level {}", layout.level_of_row(row)),
                {12, place(band.center()).y}, {.vertical = plot::VAlign::middle});
  }
  return canvas;
}

}  // namespace

plot::Rgb level_color(int level) {
  // Level 0 in the colour of ink's opposite would vanish on one of the themes; grey-blue shows on both.
  return level == 0 ? plot::category_color(5) : plot::category_color(level - 1 < 5 ? level - 1 : (level - 1) % 5);
}

files::Image grid_picture(const Document& document, std::int64_t batch, const GridLayout& layout) {
  const Grid grid = layout.grid();
  files::Image image(static_cast<int>(layout.bounds().x1), static_cast<int>(layout.bounds().y1));
  std::ranges::fill(image.rgb, std::uint8_t{255});
  const std::int64_t area = grid.height * grid.width;
  for (std::int64_t f = 0; f < grid.frames; ++f) {
    const files::Image* picture = document.picture(batch, f);
    files::Image frame;
    if (picture) frame = files::resize(*picture, static_cast<int>(grid.width), static_cast<int>(grid.height));
    for (std::int64_t i = 0; i < area; ++i) {
      const Place at = place_of(layout, f * area + i);
      std::uint8_t* to = image.pixel(static_cast<int>(at.column), static_cast<int>(at.row));
      if (frame.rgb.empty())
        std::fill_n(to, 3, std::uint8_t{128});
      else
        std::copy_n(frame.pixel(static_cast<int>(i % grid.width), static_cast<int>(i / grid.width)), 3, to);
    }
  }
  return image;
}

bool has_figure(Panel panel) {
  return panel != Panel::controls && panel != Panel::numbers && panel != Panel::samples && panel != Panel::overview &&
         panel != Panel::judgement;
}

plot::Canvas draw_figure(Panel panel, const Workspace& work, double width, double height) {
  if (panel == Panel::profile) {
    if (!work.profile()) throw Error("no profile is open");
    plot::Canvas canvas(width, height);
    plot::draw_line_chart(canvas, canvas.area().inset(12), profile_chart(*work.profile()));
    return canvas;
  }
  if (!has_figure(panel)) throw Error(fmt::format("panel {} has no figure of its own", name_of(panel)));
  const QueryView* query = work.query();
  if (!query) throw Error("nothing is computed yet");
  const GridLayout& keys = query->head->head->key_cells;
  const std::string who = query_name(*work.document(), work.view.query_cell);
  switch (panel) {
    case Panel::overlay:
      return overlay_figure(work, *query, width, height);
    case Panel::blocks:
      return blocks_figure(work, *query, width, height);
    case Panel::pyramid:
      return pyramid_figure(work, *query, width, height);
    case Panel::weights: {
      const auto& values = query->weights(work.view.weights);
      const ColorScale scale(work.view.weight_colors, values, work.view.weights == WeightKind::difference);
      return cells_figure(
          work, keys, values, scale,
          fmt::format("{}: {} weights, {}", who, name_of(work.view.weights), describe(query->head->settings)),
          "weight of the key", width, height);
    }
    case Panel::popularity: {
      if (work.level() == 0) throw Error("dense attention selects nothing");
      const std::vector<float> values = popularity_by_cell(*query->head, work.level());
      return cells_figure(work, keys, values, ColorScale(work.view.popularity_colors, values, false),
                          fmt::format("level {}: how many query tokens selected each key", work.level()), "queries",
                          width, height);
    }
    case Panel::errors: {
      const bool sides = work.view.compare && work.view.errors_of_sides;
      const ErrorMap map =
          sides ? gap_map(work.side(0).result(), work.side(1).result()) : error_map(work.shown().result());
      if (map.by_cell.empty()) throw Error("nothing is compared yet");
      return cells_figure(work, query->head->head->query_cells, map.by_cell,
                          ColorScale(work.view.error_colors, map.by_cell, false),
                          fmt::format("error of every query, {}", describe(query->head->settings)),
                          sides ? "|O_A - O_B| / |O_B|" : "|O - O dense| / |O dense|", width, height);
    }
    default: {
      const auto other = work.side(1 - work.view.side).query();
      if (!other) throw Error("comparison is off");
      const std::vector<float> values = weight_difference(*work.side(0).query(), *work.side(1).query());
      return cells_figure(work, keys, values, ColorScale({}, values, true), who + ": weights of A minus B", "A - B",
                          width, height);
    }
  }
}

plot::LineChart profile_chart(const Profile& profile, const std::string& group) {
  plot::LineChart chart{.title = group.empty() ? "time in total" : group,
                        .x = {.label = "tokens", .scale = plot::AxisScale::log},
                        .y = {.label = "milliseconds", .scale = plot::AxisScale::log}};
  int color = 0;
  std::vector<plot::Series> bounds;
  for (const ProfileSeries& s : profile.series) {
    if (group.empty() ? s.stage != "total" : s.group() != group) continue;
    plot::Series series{.label = group.empty() ? s.group() : s.stage, .color = plot::category_color(color)};
    // There are six colours; a seventh line is told from the first by its dashes.
    if (color++ >= 6) series.dashes = {7, 3};
    if (const auto e = s.exponent()) series.label += fmt::format(" (N^{:.2f})", *e);
    for (const ProfilePoint& p : s.points) {
      series.x.push_back(p.tokens);
      series.y.push_back(p.milliseconds);
    }
    plot::Series bound{.color = series.color, .dashes = {1.5, 3}, .markers = false};
    for (const ProfilePoint& p : s.points) {
      if (!p.bound) continue;
      bound.x.push_back(p.tokens);
      bound.y.push_back(*p.bound);
    }
    chart.series.push_back(std::move(series));
    if (!bound.x.empty()) bounds.push_back(std::move(bound));
  }
  if (!bounds.empty()) bounds.front().label = "dotted: the least that the counted work takes";
  chart.series.insert(chart.series.end(), bounds.begin(), bounds.end());
  return chart;
}

}  // namespace llsa::viewer

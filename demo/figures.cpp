#include "demo/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "compare/statistics.hpp"
#include "plot/heat_map.hpp"
#include "plot/line_chart.hpp"
#include "plot/selection_overlay.hpp"
#include "reference/naive.hpp"
#include "reference/pool.hpp"
#include "reference/select.hpp"

namespace llsa::demo {
namespace {

using plot::format_count;

constexpr double resolution = 1.5;  // pixels a point: sharp enough for a page, small enough for a repository
constexpr double margin = 14, gap = 22, panel = 370;

/// Places for `columns` x `rows` panels; the canvas has their size.
struct Sheet {
  int columns, rows;
  double panel_width = panel, panel_height = panel;

  plot::Canvas canvas() const {
    return {2 * margin + columns * panel_width + (columns - 1) * gap,
            2 * margin + rows * panel_height + (rows - 1) * gap};
  }
  plot::Rect area(std::size_t index) const {
    const auto column = static_cast<double>(index % static_cast<std::size_t>(columns));
    const auto row = static_cast<double>(index / static_cast<std::size_t>(columns));
    return {margin + column * (panel_width + gap), margin + row * (panel_height + gap), panel_width, panel_height};
  }
};

plot::Marker marker_at(datasets::Pixel pixel) {
  return {static_cast<double>(pixel.row), static_cast<double>(pixel.column)};
}

std::string pixels_of(const Hierarchy& hierarchy, int level) {
  const std::int64_t span = std::min(hierarchy.span(level), hierarchy.tokens());
  const auto side = static_cast<std::int64_t>(std::lround(std::sqrt(static_cast<double>(span))));
  return side * side == span ? fmt::format("{0} x {0} pixels", side) : fmt::format("{} pixels", span);
}

/// One panel: the candidates of a level, and those that were selected.
plot::SelectionOverlay level_panel(const QueryContext& context, const MethodResult& result, int level,
                                   std::int64_t head, datasets::Pixel query) {
  const ResolvedOptions& options = result.options;
  const std::int64_t t = options.query.ancestor(level, context.token_at(query));
  std::vector<std::int32_t> all;
  candidates(result.selection, options, level, head, t, all);
  const auto selected = result.selection.list(level, head, t);
  plot::SelectionOverlay overlay{.picture = context.picture, .markers = {marker_at(query)}, .fade = 0.5};
  overlay.title = level == options.levels
                      ? fmt::format("Level {}: every token is a candidate", level)
                      : fmt::format("Level {}: only what lies under the best of level {}", level, level + 1);
  overlay.layers = {
      {.label = fmt::format("{} candidates ({} each)", format_count(std::ssize(all)), pixels_of(options.key, level)),
       .color = plot::rgb(0x8a9299),
       .chosen = level < options.levels,
       .tint = 0,
       .outline = 0.6},
      {.label = fmt::format("the {} best", selected.size()),
       .color = plot::category_color(level - 1),
       .tint = 0.3,
       .outline = 1.8}};
  for (const std::int32_t c : all) overlay.layers[0].tokens.push_back(context.region(options.key, level, c));
  for (const std::int32_t c : selected) overlay.layers[1].tokens.push_back(context.region(options.key, level, c));
  overlay.marker_label = "query pixel";
  return overlay;
}

std::vector<float> all_values(const std::vector<std::vector<float>>& maps) {
  std::vector<float> values;
  for (const auto& map : maps) values.insert(values.end(), map.begin(), map.end());
  return values;
}

/// The value that a share `quantile` of all positive values stays below.
double quantile_of(std::vector<float> values, double quantile) {
  std::erase_if(values, [](float value) { return !(value > 0); });
  if (values.empty()) return 1e-6;
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(quantile * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, at);
  return *at;
}

}  // namespace

void draw_selection(const std::filesystem::path& path, const QueryContext& context, const MethodResult& llsa,
                    std::int64_t head, datasets::Pixel query) {
  const int levels = llsa.options.levels;
  const Sheet sheet{levels + 1, 1, panel, panel + 66};
  plot::Canvas canvas = sheet.canvas();
  for (int level = levels; level >= 1; --level)
    draw_selection_overlay(canvas, sheet.area(static_cast<std::size_t>(levels - level)),
                           level_panel(context, llsa, level, head, query));
  std::vector<std::int64_t> counts(static_cast<std::size_t>(levels) + 1);
  for (const reference::AttendedKey& key :
       reference::naive_key_set(llsa.selection, llsa.options, head, context.token_at(query)))
    ++counts[static_cast<std::size_t>(key.level)];
  std::string label =
      fmt::format("{} keys: {} single pixels",
                  format_count(std::accumulate(counts.begin(), counts.end(), std::int64_t{0})), counts[0]);
  for (int level = 1; level <= levels; ++level)
    label += fmt::format(", {}{} of {}", counts[static_cast<std::size_t>(level)], level == 1 ? " means" : "",
                         pixels_of(llsa.options.key, level));
  plot::SelectionOverlay seen{.title = "The picture as this query meets it",
                              .picture = seen_by(context, llsa, head, query),
                              .markers = {marker_at(query)},
                              .fade = 0};
  seen.layers = {{.label = label, .color = plot::category_color(0), .tint = 0}};
  for (const std::int32_t c : llsa.selection.list(1, head, llsa.options.query.ancestor(1, context.token_at(query))))
    seen.layers[0].tokens.push_back(context.region(llsa.options.key, 1, c));
  draw_selection_overlay(canvas, sheet.area(static_cast<std::size_t>(levels)), seen);
  canvas.save(path, resolution);
}

void draw_forming(const std::filesystem::path& path, const std::vector<Capture>& forming, std::int64_t head,
                  datasets::Pixel query, ThreadPool& threads) {
  constexpr int columns = 3;
  const Sheet sheet{columns, static_cast<int>(forming.size()) / columns, 300, 300 + 44};
  plot::Canvas canvas = sheet.canvas();
  for (std::size_t i = 0; i < forming.size(); ++i) {
    const Capture& capture = forming[i];
    const datasets::PixelTokens& tokens = capture.tokens;
    const ResolvedOptions options =
        resolve(capture.options, tokens.query.shape(), tokens.key.shape(), tokens.value.shape());
    const auto key = reference::pool(tokens.key.cview(), options.key, threads);
    const Selection selection =
        reference::select(reference::pool(tokens.query.cview(), options.query, threads), key, options, threads);
    const QueryContext context{capture.picture, tokens, capture.order, key};
    plot::SelectionOverlay overlay{
        .title = capture.name, .picture = capture.picture, .markers = {marker_at(query)}, .fade = 0.4};
    for (int level = options.levels; level >= 1; --level) {
      overlay.layers.push_back({.label = fmt::format("level {}", level),
                                .color = plot::category_color(level - 1),
                                .tint = level == 1 ? 0.25 : 0.0,
                                .outline = 1.8});
      for (const std::int32_t c : selection.list(level, head, options.query.ancestor(level, context.token_at(query))))
        overlay.layers.back().tokens.push_back(context.region(options.key, level, c));
    }
    draw_selection_overlay(canvas, sheet.area(i), overlay);
  }
  canvas.save(path, resolution);
}

void draw_attention(const std::filesystem::path& path, const QueryContext& context,
                    const std::vector<MethodResult>& results, const std::vector<std::size_t>& shown, std::int64_t head,
                    datasets::Pixel query) {
  std::vector<std::string> titles{results[dense_method].method.name};
  std::vector<std::vector<float>> maps{dense_probabilities(context, results[dense_method].options, head, query)};
  for (const std::size_t index : shown) {
    const MethodResult& result = results[index];
    titles.push_back(fmt::format("{}: {} keys", result.method.name, format_count(std::lround(result.keys_per_query))));
    maps.push_back(sparse_probabilities(context, result, head, query));
  }
  // Four decades below the brightest pixels: what is darker does not count towards the result.
  const double high = quantile_of(all_values(maps), 0.9995);
  const Sheet sheet{2, static_cast<int>((maps.size() + 1) / 2), panel + 70, panel + 20};
  plot::Canvas canvas = sheet.canvas();
  for (std::size_t i = 0; i < maps.size(); ++i)
    draw_heat_map(canvas, sheet.area(i),
                  {.title = titles[i],
                   .values = maps[i],
                   .width = context.picture.width,
                   .height = context.picture.height,
                   .range = {high * 1e-4, high, plot::AxisScale::log},
                   .color_map = "magma",
                   .bar_label = "probability of a pixel",
                   .markers = {marker_at(query)}});
  canvas.save(path, resolution);
}

void draw_outputs(const std::filesystem::path& path, const QueryContext& context,
                  const std::vector<MethodResult>& results, const datasets::ProjectionOptions& projection) {
  const auto colors = [&](MethodIndex index) {
    return colors_of(results[index].output.view().head(shown_head), shown_head, context.order, context.picture.width,
                     context.picture.height, projection);
  };
  const Sheet sheet{3, 1, panel, panel + 24};
  plot::Canvas canvas = sheet.canvas();
  draw_picture(canvas, sheet.area(0), context.picture, "the picture");
  draw_picture(canvas, sheet.area(1), colors(dense_method), "mean colour attended to: dense attention");
  draw_picture(canvas, sheet.area(2), colors(two_levels), "mean colour attended to: LLSA, 2 levels");
  canvas.save(path, resolution);
}

void draw_errors(const std::filesystem::path& path, const QueryContext& context,
                 const std::vector<MethodResult>& results) {
  std::vector<std::vector<float>> maps;
  for (const MethodIndex index : {one_level, one_level_disjoint, two_levels, two_levels_disjoint})
    maps.push_back(error_per_pixel(results[index], results[dense_method], context.order));
  const double high = quantile_of(all_values(maps), 0.999);
  const Sheet sheet{2, 2, panel + 70, panel + 20};
  plot::Canvas canvas = sheet.canvas();
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const MethodResult& result = results[one_level + i];
    draw_heat_map(canvas, sheet.area(i),
                  {.title = fmt::format("{}: {:.3f} in all", result.method.name, result.relative_l2),
                   .values = maps[i],
                   .width = context.picture.width,
                   .height = context.picture.height,
                   .range = {0, high},
                   .color_map = "viridis",
                   .bar_label = "relative error of the output"});
  }
  canvas.save(path, resolution);
}

void draw_scaling(const std::filesystem::path& path, const std::vector<ScalingPoint>& points) {
  plot::LineChart chart{.title = "One head, forward with selection: time against tokens",
                        .x = {.label = "tokens N", .scale = plot::AxisScale::log},
                        .y = {.label = "milliseconds", .scale = plot::AxisScale::log}};
  plot::Series llsa{.label = "LLSA (automatic levels)", .color = plot::category_color(1)};
  plot::Series dense{.label = "dense attention (tiled)", .color = plot::category_color(0)};
  plot::Series continued{
      .label = "dense, continued as N²", .color = plot::category_color(0), .dashes = {5, 4}, .markers = false};
  const auto add = [](plot::Series& series, std::int64_t tokens, const std::vector<double>& seconds) {
    series.x.push_back(static_cast<double>(tokens));
    series.y.push_back(1e3 * compare::median(seconds));
    series.low.push_back(1e3 * *std::ranges::min_element(seconds));
    series.high.push_back(1e3 * *std::ranges::max_element(seconds));
  };
  for (const ScalingPoint& point : points) {
    add(llsa, point.tokens, point.llsa);
    if (!point.dense.empty()) {
      add(dense, point.tokens, point.dense);
      continued.x = {dense.x.back()};
      continued.y = {dense.y.back()};
    } else if (!continued.x.empty()) {
      const double ratio = static_cast<double>(point.tokens) / dense.x.back();
      continued.x.push_back(static_cast<double>(point.tokens));
      continued.y.push_back(dense.y.back() * ratio * ratio);
    }
    chart.x.ticks.push_back({static_cast<double>(point.tokens), format_count(point.tokens)});
  }
  chart.series = {dense, continued, llsa};
  plot::Canvas canvas(680, 440);
  draw_line_chart(canvas, canvas.area().inset(margin), chart);
  canvas.save(path, resolution);
}

}  // namespace llsa::demo

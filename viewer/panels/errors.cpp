#include <fmt/format.h>

#include "plot/ticks.hpp"
#include "viewer/model/compare.hpp"
#include "viewer/panels/panels.hpp"
#include "viewer/panels/shared.hpp"

namespace llsa::viewer {
namespace {

/// What the panel says above the map: how much was compared, the worst query and the way to it.
void describe_map(Ui& ui, const ErrorMap& map, const HeadResult& result) {
  Side& side = ui.work.shown();
  say_not_finite(ui, result);
  if (map.worst_cell) {
    ImGui::Text("worst: %s at %s", plot::format_value(map.worst, 3).c_str(),
                cell_name(ui.work.document()->query_grid, *map.worst_cell).c_str());
    same_line_if_fits(ImGui::CalcTextSize("go to the worst query").x);
    if (ImGui::SmallButton("go to the worst query")) ui.work.choose_query(*map.worst_cell);
  }
  if (map.compared < map.queries) {
    ImGui::TextDisabled("%lld of %lld queries compared; each stands for its neighbours",
                        static_cast<long long>(map.compared), static_cast<long long>(map.queries));
    if (!side.busy() && ImGui::SmallButton("compare every query")) side.request_exact_error();
  }
}

}  // namespace

void draw_errors(Ui& ui) {
  const QueryView* query = query_or_reason(ui);
  if (!query) return;
  ViewState& view = ui.work.view;
  if (view.compare) {
    if (ImGui::RadioButton("against dense", !view.errors_of_sides)) view.errors_of_sides = false;
    same_line_if_fits(box_width("A against B"));
    if (ImGui::RadioButton("A against B", view.errors_of_sides)) view.errors_of_sides = true;
  }
  const bool sides = view.compare && view.errors_of_sides;
  const HeadResult& result = sides ? ui.work.side(0).result() : ui.work.shown().result();
  const ErrorMap map = sides ? gap_map(result, ui.work.side(1).result()) : error_map(result);
  if (map.by_cell.empty())
    return say_why_empty(ui.work.busy() ? "computing ..."
                         : sides        ? "the sides have no outputs to compare"
                                        : "not computed");
  describe_map(ui, map, result);
  const GridLayout& cells = result.selection->head->query_cells;
  const ColorScale scale(view.error_colors, map.by_cell, false);
  {
    PlaneCamera& camera = ui.work.document()->self_attention() ? ui.picture : ui.queries;
    Plane plane(ui, camera, "errors", cells.bounds(), true, ui.px(color_bar_height));
    const std::string key =
        fmt::format("{} {} {} {} {} {}", sides, ui.work.side(0).revision(), ui.work.side(1).revision(),
                    scale.map().name(), scale.range().low(), scale.range().high());
    plane.image(ui.textures.get("errors", key, [&] { return heat_pixels(cells, map.by_cell, scale); }), cells.bounds());
    plane.numbers(cells, [&](std::int64_t cell) {
      return plot::format_value(static_cast<double>(map.by_cell[static_cast<std::size_t>(cell)]), 2);
    });
    plane.marker(cells.cell(view.query_cell).center());
    const auto cell = plane.input().cursor ? cells.hit(*plane.input().cursor) : std::nullopt;
    if (cell && plane.input().clicked) ui.work.choose_query(*cell);
    if (cell) {
      begin_tooltip_beside(ui, plane.camera().to_screen(cells.cell(*cell)));
      const std::string text =
          fmt::format("query {}: {}", cell_name(cells.grid(), *cell),
                      plot::format_value(static_cast<double>(map.by_cell[static_cast<std::size_t>(*cell)]), 4));
      ImGui::TextUnformatted(text.c_str());
      ui.under_cursor = text;
      ImGui::EndTooltip();
    }
  }
  draw_color_bar(ui, scale, sides ? "|O_A - O_B| / |O_B|" : "|O - O dense| / |O dense|");
}

}  // namespace llsa::viewer

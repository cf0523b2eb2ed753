#include <fmt/format.h>

#include "plot/ticks.hpp"
#include "viewer/panels/panels.hpp"
#include "viewer/panels/shared.hpp"

namespace llsa::viewer {
namespace {

void choose_kind(Ui& ui, const std::string& sparse) {
  const auto button = [&](const char* label, WeightKind kind) {
    if (kind != WeightKind::llsa) same_line_if_fits(box_width(label));
    if (ImGui::RadioButton(label, ui.work.view.weights == kind)) ui.work.view.weights = kind;
  };
  button(sparse.c_str(), WeightKind::llsa);
  button("dense", WeightKind::dense);
  button((sparse + " - dense").c_str(), WeightKind::difference);
  if (ui.work.view.weights != WeightKind::difference) {
    same_line_if_fits(box_width("log"));
    ImGui::Checkbox("log", &ui.work.view.weight_colors.log);
  }
}

}  // namespace

void draw_weights(Ui& ui) {
  const QueryView* query = query_or_reason(ui);
  if (!query) return;
  // The long names of methods would not fit.
  choose_kind(ui, query->head->settings.how.method == "llsa" ? "LLSA" : "sparse");
  const ViewState& view = ui.work.view;
  const Head& head = *query->head->head;
  const std::vector<float>& values = query->weights(view.weights);
  const ColorScale scale(view.weight_colors, values, view.weights == WeightKind::difference);
  {
    Plane plane(ui, ui.picture, "weights", head.key_cells.bounds(), true, ui.px(color_bar_height));
    const std::string key =
        fmt::format("{} {} {} {} {} {}", static_cast<const void*>(query), name_of(view.weights), scale.map().name(),
                    scale.range().low(), scale.range().high(), static_cast<int>(scale.range().scale()));
    const Texture& heat = ui.textures.get("weights", key, [&] { return heat_pixels(head.key_cells, values, scale); });
    const double opacity = has_picture(ui) ? view.weights_opacity : 1;
    if (opacity < 1) draw_picture(ui, plane, *query);
    plane.image(heat, head.key_cells.bounds(), opacity);
    if (const auto focus = highlighted(ui))
      plane.outline(region_of(ui, *query->head, *focus), IM_COL32_WHITE, ui.px(1.5f));
    plane.numbers(head.key_cells, [&](std::int64_t cell) {
      return plot::format_value(static_cast<double>(values[static_cast<std::size_t>(cell)]), 2);
    });
    if (ui.work.document()->self_attention()) plane.marker(head.key_cells.cell(view.query_cell).center());
    take_click(ui, plane, *query);
    if (const auto cell = plane.input().cursor ? head.key_cells.hit(*plane.input().cursor) : std::nullopt) {
      const LevelToken token{0, head.key_position(*cell)};
      ui.hovered = token;
      if (plane.input().right_clicked) ui.work.pinned = ui.work.pinned == token ? std::nullopt : std::optional(token);
      begin_tooltip_beside(ui, plane.camera().to_screen(head.key_cells.cell(*cell)));
      describe_token(ui, *query, token);
      ImGui::Text(
          "%s - dense %s", sparse_name(*query).c_str(),
          plot::format_value(static_cast<double>(query->difference[static_cast<std::size_t>(*cell)]), 3).c_str());
      ImGui::EndTooltip();
    }
  }
  draw_color_bar(ui, scale, "of the query's weight");
}

}  // namespace llsa::viewer

#include <fmt/format.h>

#include <algorithm>

#include "plot/ticks.hpp"
#include "viewer/model/figures.hpp"
#include "viewer/model/pyramid_layout.hpp"
#include "viewer/panels/panels.hpp"
#include "viewer/panels/shared.hpp"

namespace llsa::viewer {
namespace {

bool linked(const Hierarchy& keys, const std::optional<LevelToken>& focus, LevelToken token) {
  return focus && related(keys, *focus, token);
}

void draw_lines(Ui& ui, Plane& plane, const QueryView& query, const PyramidLayout& layout,
                const std::optional<LevelToken>& focus) {
  const Hierarchy& keys = query.head->options.key;
  const Box seen = plane.camera().visible();
  for (const PyramidNode& node : layout.nodes()) {
    if (node.parent < 0 || node.rect.x1 < seen.x0 - seen.width() || node.rect.x0 > seen.x1 + seen.width()) continue;
    const PyramidNode& parent = layout.nodes()[static_cast<std::size_t>(node.parent)];
    const bool strong = linked(keys, focus, node.key) && linked(keys, focus, parent.key);
    const bool chosen = node.rank >= 0;
    const double alpha = strong ? 1 : chosen ? 0.6 : 0.12;
    plane.list().AddLine(vec(plane.camera().to_screen(Point{parent.rect.center().x, parent.rect.y1})),
                         vec(plane.camera().to_screen(Point{node.rect.center().x, node.rect.y0})),
                         color(level_color(node.key.level), alpha), ui.px(strong ? 2.0f : 1.0f));
  }
}

void draw_node(Ui& ui, Plane& plane, const PyramidNode& node, double largest, bool is_linked) {
  const Box at = plane.camera().to_screen(node.rect);
  if (at.x1 < plane.camera().viewport.x0 || at.x0 > plane.camera().viewport.x1) return;
  const bool chosen = node.rank >= 0;
  const float gap = at.width() > static_cast<double>(ui.px(4)) ? ui.px(1) : 0;
  // Among thousands of candidates a selected one is narrower than a pixel, and must be seen all the same.
  const float least = chosen ? ui.px(2) : 0.5f;
  const ImVec2 a = vec({at.x0, at.y0}),
               b{std::max(static_cast<float>(at.x1) - gap, a.x + least), static_cast<float>(at.y1)};
  if (node.key.level == 0) {
    // Fine keys fill up with their part of the softmax.
    plane.list().AddRectFilled(a, b, ImGui::GetColorU32(ImGuiCol_FrameBg));
    const double part = largest > 0 ? static_cast<double>(node.score) / largest : 0;
    plane.list().AddRectFilled({a.x, b.y - (b.y - a.y) * static_cast<float>(part)}, b, color(level_color(0)));
  } else {
    plane.list().AddRectFilled(a, b,
                               chosen ? color(level_color(node.key.level)) : ImGui::GetColorU32(ImGuiCol_FrameBg));
  }
  if (is_linked)
    plane.list().AddRect({a.x - 1, a.y - 1}, {b.x + 1, b.y + 1}, ImGui::GetColorU32(ImGuiCol_Text), 0, 0, ui.px(1.5f));
  if (chosen && at.width() > static_cast<double>(ui.px(18)) && b.y - a.y >= ImGui::GetTextLineHeight()) {
    const std::string rank = std::to_string(node.rank + 1);
    const ImVec2 size = ImGui::CalcTextSize(rank.c_str());
    plane.list().AddText({(a.x + b.x - size.x) / 2, (a.y + b.y - size.y) / 2}, IM_COL32_WHITE, rank.c_str());
  }
}

void draw_nodes(Ui& ui, Plane& plane, const QueryView& query, const PyramidLayout& layout,
                const std::optional<LevelToken>& focus) {
  const Hierarchy& keys = query.head->options.key;
  double largest = 0;
  for (const ScoredKey& key : query.keys)
    if (key.key.level == 0 && key.probability > largest) largest = key.probability;
  // Selected ones over the others.
  for (const bool selected : {false, true})
    for (const PyramidNode& node : layout.nodes())
      if ((node.rank >= 0) == selected) draw_node(ui, plane, node, largest, linked(keys, focus, node.key));
}

}  // namespace

void draw_pyramid(Ui& ui) {
  const QueryView* query = query_or_reason(ui);
  if (!query) return;
  if (query->head->levels() == 0) return say_dense(ui, *query);
  static PyramidLayout layout;  // of the query drawn last
  static std::string drawn;
  const std::string key =
      fmt::format("{} {} {}", static_cast<const void*>(query), ui.work.shown().revision(), ui.work.view.to_scale);
  if (key != drawn) layout = PyramidLayout(*query, ui.work.view.to_scale);
  drawn = key;
  ImGui::Checkbox("to scale", &ui.work.view.to_scale);
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("place tokens where they lie in the sequence");
  same_line_if_fits(ImGui::CalcTextSize("filled: selected, number: rank").x);
  ImGui::TextDisabled("filled: selected, number: rank");
  const Point cursor_at{ImGui::GetCursorScreenPos().x, ImGui::GetCursorScreenPos().y};
  const float names = ImGui::CalcTextSize("level 9").x + ui.px(10);
  ImGui::SetCursorScreenPos({static_cast<float>(cursor_at.x) + names, static_cast<float>(cursor_at.y)});
  const auto focus = highlighted(ui);
  Box area;
  {
    Plane plane(ui, ui.pyramid, "pyramid", layout.bounds(), false, 0, {1, 0});
    area = plane.camera().viewport;
    draw_lines(ui, plane, *query, layout, focus);
    draw_nodes(ui, plane, *query, layout, focus);
    const auto hit = plane.input().cursor ? layout.hit(*plane.input().cursor) : std::nullopt;
    if (hit) {
      const PyramidNode& node = layout.nodes()[*hit];
      ui.hovered = node.key;
      if (plane.input().right_clicked)
        ui.work.pinned = ui.work.pinned == node.key ? std::nullopt : std::optional(node.key);
      begin_tooltip_beside(ui, plane.camera().to_screen(node.rect));
      describe_token(ui, *query, node.key);
      ImGui::EndTooltip();
    }
    for (int row = 0; row < layout.rows(); ++row) {
      const int level = layout.level_of_row(row);
      const double y = plane.camera().to_screen(layout.row(level).center()).y;
      const std::string name = level == 0 ? "fine" : fmt::format("level {}", level);
      const ImVec2 at{static_cast<float>(cursor_at.x), static_cast<float>(y) - ImGui::GetTextLineHeight() / 2};
      plane.list().PushClipRect({at.x, static_cast<float>(area.y0)}, vec({area.x1, area.y1}));
      plane.list().AddText(at, level == 0 ? ImGui::GetColorU32(ImGuiCol_Text) : color(level_color(level)),
                           name.c_str());
      plane.list().PopClipRect();
    }
  }
}

}  // namespace llsa::viewer

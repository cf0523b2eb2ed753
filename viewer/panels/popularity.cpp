#include <fmt/format.h>

#include <algorithm>

#include "plot/ticks.hpp"
#include "viewer/model/compare.hpp"
#include "viewer/model/figures.hpp"
#include "viewer/panels/panels.hpp"
#include "viewer/panels/shared.hpp"

namespace llsa::viewer {
namespace {

/// A key of the list, and its line there.
struct Line {
  LevelToken token;
  std::string text;
};

std::vector<Line> hot_lines(const HeadSelection& head, int level) {
  constexpr std::size_t listed = 24;
  const auto queries = static_cast<double>(head.options.query.length(level));
  std::vector<Line> lines;
  for (const HotKey& hot : hot_keys(head, level, listed))
    lines.push_back(
        {{level, hot.token},
         fmt::format("{}: {} ({:.0f}%)", hot.token, hot.queries, 100 * static_cast<double>(hot.queries) / queries)});
  return lines;
}

/// Room for every line beside a scroll bar.
float width_of(const std::vector<Line>& lines) {
  float width = 0;
  for (const Line& line : lines) width = std::max(width, ImGui::CalcTextSize(line.text.c_str()).x);
  return width + ImGui::GetStyle().ScrollbarSize + ImGui::GetStyle().ItemSpacing.x;
}

void draw_lines(Ui& ui, const std::vector<Line>& lines) {
  for (const Line& line : lines) {
    if (ImGui::Selectable(line.text.c_str(), ui.work.pinned == line.token))
      ui.work.pinned = ui.work.pinned == line.token ? std::nullopt : std::optional(line.token);
    if (ImGui::IsItemHovered()) ui.hovered = line.token;
  }
}

}  // namespace

void draw_popularity(Ui& ui) {
  const QueryView* query = query_or_reason(ui);
  if (!query) return;
  const int level = ui.work.level();
  if (level == 0) return say_dense(ui, *query);
  const HeadSelection& head = *query->head;
  const Head& tokens = *head.head;
  ImGui::Text("level %d, %lld query tokens", level, static_cast<long long>(head.options.query.length(level)));
  const std::vector<float>& counts = head.popularity[static_cast<std::size_t>(level - 1)];
  const ColorScale scale(ui.work.view.popularity_colors, counts, false);
  const std::vector<Line> lines = hot_lines(head, level);
  const float list_width = width_of(lines), below = ui.px(color_bar_height);
  const ImVec2 room = ImGui::GetContentRegionAvail();
  if (room.x > list_width * 2) {
    ImGui::BeginChild("hot", {list_width, room.y - below});
    draw_lines(ui, lines);
    ImGui::EndChild();
    ImGui::SameLine();
  }
  {
    Plane plane(ui, ui.picture, "popularity", tokens.key_cells.bounds(), true, below);
    const std::string key = fmt::format("{} {} {} {} {}", static_cast<const void*>(&head), level, scale.map().name(),
                                        scale.range().low(), scale.range().high());
    const Texture& heat = ui.textures.get(
        "popularity", key, [&] { return heat_pixels(tokens.key_cells, popularity_by_cell(head, level), scale); });
    plane.image(heat, tokens.key_cells.bounds());
    if (const auto focus = highlighted(ui)) plane.outline(region_of(ui, head, *focus), IM_COL32_WHITE, ui.px(1.5f));
    if (ui.work.document()->self_attention()) plane.marker(tokens.key_cells.cell(ui.work.view.query_cell).center());
    take_click(ui, plane, *query);
    if (const auto cell = plane.input().cursor ? tokens.key_cells.hit(*plane.input().cursor) : std::nullopt) {
      const LevelToken token{level, head.options.key.ancestor(level, tokens.key_position(*cell))};
      ui.hovered = token;
      if (plane.input().right_clicked) ui.work.pinned = ui.work.pinned == token ? std::nullopt : std::optional(token);
      const CellShape& region = region_of(ui, head, token);
      begin_tooltip_beside(ui, plane.camera().to_screen(region.fill.front()));
      describe_token(ui, *query, token);
      const std::string text =
          fmt::format("selected by {} of {} query tokens", counts[static_cast<std::size_t>(token.token)],
                      head.options.query.length(level));
      ImGui::TextUnformatted(text.c_str());
      ui.under_cursor += "\n" + text;
      ImGui::EndTooltip();
    }
  }
  draw_color_bar(ui, scale, "query tokens");
}

}  // namespace llsa::viewer

#include <fmt/format.h>

#include <algorithm>

#include "plot/ticks.hpp"
#include "viewer/model/figures.hpp"
#include "viewer/panels/panels.hpp"
#include "viewer/panels/shared.hpp"

namespace llsa::viewer {
namespace {

bool shown(const Ui& ui, int level) {
  return !ui.work.view.hides(level) && (!ui.work.view.only_level || level == ui.work.level());
}

/// A level's colour, which shows or hides it, and its counts, which choose it.
void draw_legend_entry(Ui& ui, const LevelView& view, int level, const std::string& text) {
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float size = ImGui::GetTextLineHeight();
  ImGui::GetWindowDrawList()->AddRectFilled(at, {at.x + size * 0.8f, at.y + size},
                                            color(level_color(level), shown(ui, level) ? 1 : 0.25), ui.px(2));
  ImGui::PushID(level);
  if (ImGui::InvisibleButton("shown", {size * 0.8f, size})) ui.work.view.toggle_level(level);
  ImGui::PopID();
  if (ImGui::IsItemHovered()) ImGui::SetTooltip(ui.work.view.hides(level) ? "show this level" : "leave this level out");
  ImGui::SetCursorScreenPos({at.x + size, at.y});
  ImGui::TextUnformatted(text.c_str());
  if (ImGui::IsItemHovered())
    ImGui::SetTooltip("%lld of %zu candidates selected; click chooses the level", static_cast<long long>(view.selected),
                      view.candidates.size());
  if (ImGui::IsItemClicked()) ui.work.choose_level(level);
}

/// Lines that entries of these widths take.
int lines_of(const std::vector<float>& widths, float room) {
  int lines = 1;
  float x = 0;
  const float gap = ImGui::GetStyle().ItemSpacing.x;
  for (const float width : widths) {
    if (x > 0 && x + gap + width > room) ++lines, x = 0;
    x += (x > 0 ? gap : 0) + width;
  }
  return lines;
}

/// The levels, coarsest first. More than three lines of them scroll, so that the picture keeps its room.
void draw_legend(Ui& ui, const QueryView& query) {
  constexpr int most_lines = 3;
  const int levels = query.head->levels();
  if (levels == 0) return ImGui::TextDisabled("dense attention: every key is attended to");
  std::vector<std::string> texts;
  std::vector<float> widths;
  for (int level = levels; level >= 1; --level) {
    const LevelView& view = query.level(level);
    texts.push_back(fmt::format("level {}: {} of {}", level, view.selected, view.candidates.size()));
    widths.push_back(ImGui::GetTextLineHeight() + ImGui::CalcTextSize(texts.back().c_str()).x);
  }
  const bool scrolls = lines_of(widths, ImGui::GetContentRegionAvail().x) > most_lines;
  if (scrolls) ImGui::BeginChild("legend", {0, most_lines * ImGui::GetTextLineHeightWithSpacing()});
  for (int level = levels; level >= 1; --level) {
    const auto i = static_cast<std::size_t>(levels - level);
    if (i > 0) same_line_if_fits(widths[i]);
    draw_legend_entry(ui, query.level(level), level, texts[i]);
  }
  if (scrolls) ImGui::EndChild();
}

bool is_selected(const QueryView& query, LevelToken token) {
  if (token.level < 1 || token.level > query.head->levels()) return false;
  const auto& candidates = query.level(token.level).candidates;
  const auto found = std::ranges::find(candidates, token.token, &Candidate::token);
  return found != candidates.end() && found->rank >= 0;
}

void draw_selected(Ui& ui, Plane& plane, const QueryView& query) {
  const Hierarchy& keys = query.head->options.key;
  const auto pointed_at = highlighted(ui);
  // Pointing at something that no selected token has to do with leaves them all as they are.
  auto focus = pointed_at;
  const auto touches_focus = [&](const ScoredKey& k) { return k.key.level == 0 && related(keys, k.key, *focus); };
  if (focus && !is_selected(query, *focus) && std::ranges::none_of(query.keys, touches_focus)) focus.reset();
  for (int level = query.head->levels(); level >= 1; --level) {
    if (!shown(ui, level)) continue;
    // Where every candidate is selected there is nothing to tell apart: their outlines are enough.
    const LevelView& view = query.level(level);
    const bool fills = static_cast<std::size_t>(view.selected) < view.candidates.size();
    for (const Candidate& c : view.candidates) {
      if (c.rank < 0) break;
      const LevelToken token{level, c.token};
      const CellShape& region = region_of(ui, *query.head, token);
      const bool linked = focus && related(keys, token, *focus);
      const double strength = focus && !linked ? 0.4 : 1;
      if (fills || linked) plane.fill(region, color(level_color(level), (linked ? 0.4 : 0.22) * strength));
      plane.outline(region, color(level_color(level), strength), ui.px(linked ? 3.0f : 1.8f), !focus || linked);
    }
  }
  if (pointed_at && !is_selected(query, *pointed_at))
    plane.outline(region_of(ui, *query.head, *pointed_at), IM_COL32_WHITE, ui.px(1.5f));
}

/// Ranks, where the tokens are large enough on the screen.
void draw_ranks(Ui& ui, Plane& plane, const QueryView& query) {
  for (int level = query.head->levels(); level >= 1; --level) {
    if (!shown(ui, level)) continue;
    for (const Candidate& c : query.level(level).candidates) {
      if (c.rank < 0) break;
      const CellShape& region = region_of(ui, *query.head, {level, c.token});
      const Box& first = region.fill.front();
      const Box at = plane.camera().to_screen(first);
      if (at.width() < static_cast<double>(ui.px(24)) || at.height() < static_cast<double>(ui.px(18))) continue;
      const std::string text = std::to_string(c.rank + 1);
      const ImVec2 size = ImGui::CalcTextSize(text.c_str()),
                   place{static_cast<float>(at.x0) + ui.px(3), static_cast<float>(at.y0) + ui.px(2)};
      plane.list().AddRectFilled(place, {place.x + size.x + ui.px(4), place.y + size.y}, color(level_color(level)),
                                 ui.px(2));
      plane.list().AddText({place.x + ui.px(2), place.y}, IM_COL32_WHITE, text.c_str());
    }
  }
}

}  // namespace

void draw_overlay(Ui& ui) {
  const QueryView* query = query_or_reason(ui);
  if (!query) return;
  draw_legend(ui, *query);
  const Head& head = *query->head->head;
  Plane plane(ui, ui.picture, "overlay", head.key_cells.bounds(), true);
  draw_picture(ui, plane, *query);
  // What was not chosen steps back a little.
  for (std::int64_t f = 0; f < head.key_cells.grid().frames; ++f) {
    const Box at = plane.camera().to_screen(head.key_cells.frame(f));
    plane.list().AddRectFilled(vec({at.x0, at.y0}), vec({at.x1, at.y1}),
                               IM_COL32(0, 0, 0, query->head->levels() ? 70 : 0));
  }
  draw_selected(ui, plane, *query);
  draw_ranks(ui, plane, *query);
  if (ui.work.document()->self_attention()) plane.marker(head.key_cells.cell(ui.work.view.query_cell).center());
  take_click(ui, plane, *query);
  const auto cell = plane.input().cursor ? head.key_cells.hit(*plane.input().cursor) : std::nullopt;
  if (!cell) return;
  const std::int64_t position = head.key_position(*cell);
  const auto selected = finest_selected(*query, position);
  const LevelToken token = selected.value_or(LevelToken{0, position});
  ui.hovered = token;
  if (plane.input().right_clicked) ui.work.pinned = ui.work.pinned == token ? std::nullopt : std::optional(token);
  const Box first = region_of(ui, *query->head, token).fill.front();
  begin_tooltip_beside(ui, plane.camera().to_screen(first));
  if (token.level > 0) ImGui::TextUnformatted(cell_name(head.key_cells.grid(), *cell).c_str());
  describe_token(ui, *query, token);
  for (int level = token.level + 1; selected && level <= query->head->levels(); ++level) {
    const std::int64_t ancestor = query->head->options.key.ancestor(level, position);
    const auto& candidates = query->level(level).candidates;
    const auto found = std::ranges::find(candidates, ancestor, &Candidate::token);
    if (found != candidates.end())
      ImGui::Text("below level %d token %lld (rank %d, score %s)", level, static_cast<long long>(ancestor),
                  found->rank + 1, plot::format_value(static_cast<double>(found->score), 4).c_str());
  }
  ImGui::EndTooltip();
}

}  // namespace llsa::viewer

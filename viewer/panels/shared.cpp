#include "viewer/panels/shared.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "plot/ticks.hpp"

namespace llsa::viewer {

const QueryView* query_or_reason(const Ui& ui) {
  const Workspace& work = ui.work;
  const QueryView* query = work.query();
  if (query) return query;
  const std::string& problem = work.shown().problem;
  if (!problem.empty())
    say_why_empty(problem.c_str());
  else if (work.busy())
    say_why_empty("computing ...");
  else
    say_why_empty("nothing is open: press O, or drop a file here");
  return nullptr;
}

void say_dense(Ui& ui, const QueryView& query) {
  AttentionChoice& how = ui.work.shown().settings.how;
  const bool is_automatic = how.method.starts_with("llsa") && !how.options.levels;
  if (!is_automatic) return say_why_empty("dense attention: every key is attended to, nothing is selected");
  const std::string text = fmt::format("automatic levels: dense, {} tokens are few", query.head->options.key.tokens());
  say_why_empty(text.c_str());
  const char* const label = "try L = 1";
  const float width = ImGui::CalcTextSize(label).x + ui.px(16);
  ImGui::SetCursorPosX(ImGui::GetCursorPosX() + (ImGui::GetContentRegionAvail().x - width) / 2);
  if (ImGui::Button(label)) how.options.levels = 1;
}

void say_not_finite(Ui& ui, const HeadResult& result) {
  if (!result.outputs || !result.outputs->first_not_finite) return;
  const std::int64_t cell = result.selection->head->query_cell(*result.outputs->first_not_finite);
  ImGui::TextWrapped("not a number: first at %s", cell_name(ui.work.document()->query_grid, cell).c_str());
  if (ImGui::SmallButton("go there")) ui.work.choose_query(cell);
}

void same_line_if_fits(float width) {
  const float right = ImGui::GetWindowPos().x + ImGui::GetWindowContentRegionMax().x;
  if (ImGui::GetItemRectMax().x + ImGui::GetStyle().ItemSpacing.x + width <= right) ImGui::SameLine();
}

bool takes_turn(double times_a_second) {
  static double last = 0;
  const double now = ImGui::GetTime();
  if (now - last < 1 / times_a_second) return false;
  last = now;
  return true;
}

float box_width(const char* label) {
  return ImGui::GetFrameHeight() + ImGui::GetStyle().ItemInnerSpacing.x + ImGui::CalcTextSize(label).x;
}

bool has_picture(const Ui& ui) {
  const Document& document = *ui.work.document_of(ui.work.view.side);
  return !document.pictures.empty() && document.self_attention();
}

void draw_picture(Ui& ui, Plane& plane, const QueryView& query) {
  const GridLayout& layout = query.head->head->key_cells;
  const Document& document = *ui.work.document_of(ui.work.view.side);
  const std::int64_t batch = query.head->settings.batch;
  for (std::int64_t f = 0; f < layout.grid().frames; ++f) {
    const Box at = plane.camera().to_screen(layout.frame(f));
    if (has_picture(ui)) {
      // A picture finer than its tokens is shown with all its pixels.
      const std::string key = fmt::format("{} {}", static_cast<const void*>(&document), batch);
      const Texture& texture = ui.textures.get(f == 0 ? "picture" : fmt::format("picture, frame {}", f), key,
                                               [&] { return picture_pixels(*document.picture(batch, f)); });
      plane.image(texture, layout.frame(f));
    } else {
      plane.list().AddRectFilled(vec({at.x0, at.y0}), vec({at.x1, at.y1}), IM_COL32(128, 128, 128, 255));
    }
    if (layout.grid().frames == 1 || at.width() < static_cast<double>(ui.px(56))) continue;
    const std::string name = fmt::format("frame {}", f);
    const Point place{at.x0 + static_cast<double>(ui.px(4)), at.y1 - static_cast<double>(ui.px(18))};
    if (has_picture(ui)) {  // readable on any picture
      const ImVec2 size = ImGui::CalcTextSize(name.c_str());
      plane.list().AddRectFilled(vec({place.x - 2, place.y}),
                                 vec({place.x + double(size.x) + 2, place.y + double(size.y)}),
                                 IM_COL32(235, 235, 235, 200));
    }
    plane.list().AddText(vec(place), IM_COL32(20, 20, 20, 255), name.c_str());
  }
}

void take_click(Ui& ui, const Plane& plane, const QueryView& query) {
  const auto& cursor = plane.input().cursor;
  if (!plane.input().clicked || !cursor || !ui.work.document()->self_attention()) return;
  if (const auto cell = query.head->head->query_cells.hit(*cursor)) ui.work.choose_query(*cell);
}

std::string cell_name(Grid grid, std::int64_t cell) {
  const std::int64_t area = grid.height * grid.width;
  const std::string place = fmt::format("x {}, y {}", cell % grid.width, cell % area / grid.width);
  return grid.frames == 1 ? place : fmt::format("frame {}, {}", cell / area, place);
}

std::string token_name(LevelToken token) {
  return token.level == 0 ? fmt::format("fine key {}", token.token)
                          : fmt::format("level {} token {}", token.level, token.token);
}

std::string sparse_name(const QueryView& query) {
  const std::string& method = query.head->settings.how.method;
  return method == "llsa" ? "LLSA" : method;
}

std::optional<LevelToken> highlighted(const Ui& ui) { return ui.focus ? ui.focus : ui.work.pinned; }

std::optional<LevelToken> finest_selected(const QueryView& query, std::int64_t key_position) {
  const Hierarchy& keys = query.head->options.key;
  for (int level = 1; level <= query.head->levels(); ++level) {
    const std::int64_t token = keys.ancestor(level, key_position);
    for (const Candidate& c : query.level(level).candidates) {
      if (c.rank < 0) break;
      if (c.token == token) return LevelToken{level, token};
    }
  }
  return {};
}

void describe_token(Ui& ui, const QueryView& query, LevelToken token) {
  std::string text = token_name(token);
  const Hierarchy& keys = query.head->options.key;
  const TokenRange fine = keys.fine(token.level, token.token);
  if (token.level > 0)
    text += fmt::format(", {} fine keys from {}", fine.size(), fine.begin);
  else
    text += ": " + cell_name(query.head->head->key_cells.grid(), query.head->head->key_cell(token.token));
  if (token.level > 0 && token.level <= query.head->levels()) {
    const auto& candidates = query.level(token.level).candidates;
    const auto found = std::ranges::find(candidates, token.token, &Candidate::token);
    if (found == candidates.end())
      text += "\nnot a candidate: its parent was not selected";
    else if (found->rank < 0)
      text += fmt::format("\nscore {}, not selected", plot::format_value(static_cast<double>(found->score), 4));
    else
      text += fmt::format("\nrank {} of {}, score {}", found->rank + 1, candidates.size(),
                          plot::format_value(static_cast<double>(found->score), 4));
  }
  double dense = 0, llsa = 0;
  for (std::int64_t j = fine.begin; j < fine.end; ++j) {
    const auto cell = static_cast<std::size_t>(query.head->head->key_cell(j));
    dense += static_cast<double>(query.dense[cell]);
    llsa += static_cast<double>(query.llsa[cell]);
  }
  text += fmt::format("\nweight: {} {}, dense {}", sparse_name(query), plot::format_value(llsa, 3),
                      plot::format_value(dense, 3));
  ImGui::TextUnformatted(text.c_str());
  ui.under_cursor = text;
}

const CellShape& region_of(Ui& ui, const HeadSelection& head, LevelToken token) {
  // Regions depend on the head's order and grid alone; one head at a time is on the screen, two while comparing.
  static std::map<std::pair<const HeadSelection*, std::pair<int, std::int64_t>>, CellShape> cache;
  static std::uint64_t revision = 0;
  const std::uint64_t now = ui.work.side(0).revision() + (ui.work.side(1).revision() << 32);
  if (now != revision) cache.clear();
  revision = now;
  const auto [at, added] = cache.try_emplace({&head, {token.level, token.token}});
  if (added) at->second = head.head->key_cells.region(key_cells(head, token));
  return at->second;
}

void edit_colors(Ui& ui, const char* id, ColorChoice& choice, bool offer_log) {
  ImGui::PushID(id);
  ImGui::SetNextItemWidth(ui.px(80));
  if (ImGui::BeginCombo("##map", choice.map.c_str())) {
    for (const std::string& name : plot::color_map_names())
      if (name != "diverging" && ImGui::Selectable(name.c_str(), name == choice.map)) choice.map = name;
    ImGui::EndCombo();
  }
  if (offer_log) {
    ImGui::SameLine();
    ImGui::Checkbox("log", &choice.log);
  }
  ImGui::SameLine();
  bool fixed = choice.low || choice.high;
  if (ImGui::Checkbox("fixed range", &fixed)) {
    choice.low = fixed ? std::optional(choice.log ? 1e-6 : 0.0) : std::nullopt;
    choice.high = fixed ? std::optional(1.0) : std::nullopt;
  }
  if (choice.low && choice.high) {
    ImGui::SetNextItemWidth(ui.px(92));
    ImGui::InputDouble("##low", &*choice.low, 0, 0, "%.4g");
    ImGui::SameLine();
    ImGui::SetNextItemWidth(ui.px(92));
    ImGui::InputDouble("##high", &*choice.high, 0, 0, "%.4g");
  }
  ImGui::PopID();
}

}  // namespace llsa::viewer

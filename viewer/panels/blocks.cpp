#include <fmt/format.h>

#include <algorithm>

#include "plot/ticks.hpp"
#include "viewer/model/block_map.hpp"
#include "viewer/panels/panels.hpp"
#include "viewer/panels/shared.hpp"

namespace llsa::viewer {
namespace {

TextureCache::Pixels block_pixels(const BlockImage& image, const ColorScale& scale) {
  TextureCache::Pixels pixels{image.width, image.height, {}};
  scale.paint(image.values, pixels.rgba);
  for (std::size_t i = 0; i < image.filled.size(); ++i)
    if (!image.filled[i]) pixels.rgba[4 * i + 3] = 0;
  return pixels;
}

/// The range over the whole map, so that colours stay put while a person pans.
ColorScale scale_of(const Ui& ui, const HeadSelection& head, int level) {
  const std::vector<float> ranks = {1 / static_cast<float>(head.selection.level(level).width), 1};
  const auto& scores = head.scores[static_cast<std::size_t>(level - 1)];
  return {ui.work.view.block_colors, ui.work.view.block_value == BlockValue::rank ? ranks : scores, false};
}

void show_cell(Ui& ui, const Plane& plane, const BlockMap& map, const QueryView& query, BlockMap::Cell cell) {
  ui.hovered = LevelToken{map.level(), cell.key};
  if (plane.input().clicked) {
    const auto cells = query_cells(*query.head, {map.level(), cell.query});
    ui.work.choose_query(cells[cells.size() / 2]);
  }
  if (plane.input().right_clicked) ui.work.pinned = LevelToken{map.level(), cell.key};
  begin_tooltip_beside(
      ui, plane.camera().to_screen(Box{static_cast<double>(cell.key), static_cast<double>(cell.query),
                                       static_cast<double>(cell.key + 1), static_cast<double>(cell.query + 1)}));
  std::string text = fmt::format("level {}: query token {}, key token {}\n", map.level(), cell.query, cell.key);
  const auto entry = map.entry(cell);
  text += entry ? fmt::format("rank {}, score {}", entry->rank + 1,
                              plot::format_value(static_cast<double>(entry->score), 4))
                : "not selected";
  ImGui::TextUnformatted(text.c_str());
  ui.under_cursor = text;
  ImGui::EndTooltip();
}

}  // namespace

void draw_blocks(Ui& ui) {
  const QueryView* query = query_or_reason(ui);
  if (!query) return;
  const int level = ui.work.level();
  if (level == 0) return say_dense(ui, *query);
  ViewState& view = ui.work.view;
  const BlockMap map(*query->head, level);
  ImGui::Text("level %d: %.0f x %.0f", level, map.bounds().y1, map.bounds().x1);
  same_line_if_fits(box_width("rank"));
  if (ImGui::RadioButton("rank", view.block_value == BlockValue::rank)) view.block_value = BlockValue::rank;
  same_line_if_fits(box_width("score"));
  if (ImGui::RadioButton("score", view.block_value == BlockValue::score)) view.block_value = BlockValue::score;
  const ColorScale scale = scale_of(ui, *query->head, level);
  {
    Plane plane(ui, ui.blocks, "blocks", map.bounds(), true, ui.px(color_bar_height));
    const Camera& camera = plane.camera();
    const int width = std::max(1, static_cast<int>(camera.viewport.width())),
              height = std::max(1, static_cast<int>(camera.viewport.height()));
    const Box seen = camera.visible();
    const BlockImage image = map.part(seen, width, height);
    if (image.width > 0) {
      const std::string key =
          fmt::format("{} {} {} {} {} {} {} {} {}", static_cast<const void*>(query->head.get()), level,
                      name_of(view.block_value), scale.map().name(), scale.range().low(), scale.range().high(),
                      fmt::format("{} {}", seen.x0, seen.y0), camera.zoom.x, fmt::format("{} {}", width, height));
      plane.image(
          ui.textures.get("blocks", key,
                          [&] { return block_pixels(map.paint(seen, width, height, view.block_value), scale); }),
          image.world);
    }
    plane.frame(map.bounds(), ImGui::GetColorU32(ImGuiCol_Border), ui.px(1));
    // The query's row; the highlighted key's column.
    const double row = static_cast<double>(query->level(level).query_token);
    const ImU32 mark = ImGui::GetColorU32(ImGuiCol_Text, 0.75f);
    plane.frame({map.bounds().x0, row, map.bounds().x1, row + 1}, mark, ui.px(1));
    if (const auto focus = highlighted(ui); focus && focus->level == level)
      plane.frame({static_cast<double>(focus->token), 0, static_cast<double>(focus->token + 1), map.bounds().y1}, mark,
                  ui.px(1));
    if (camera.zoom.x >= static_cast<double>(ui.px(44)))
      for (double y = image.world.y0; y < image.world.y1; ++y)
        for (double x = image.world.x0; x < image.world.x1; ++x)
          if (const auto entry = map.entry({static_cast<std::int64_t>(y), static_cast<std::int64_t>(x)}))
            plane.label({x + 0.5, y + 0.5},
                        view.block_value == BlockValue::rank ? std::to_string(entry->rank + 1)
                                                             : plot::format_value(static_cast<double>(entry->score), 2),
                        IM_COL32_WHITE);
    if (const auto cell = plane.input().cursor ? map.hit(*plane.input().cursor) : std::nullopt)
      show_cell(ui, plane, map, *query, *cell);
  }
  draw_color_bar(ui, scale, view.block_value == BlockValue::rank ? "(1: best of its list)" : "score");
}

}  // namespace llsa::viewer

#include "viewer/model/compare.hpp"

#include <fmt/format.h>

#include "plot/ticks.hpp"
#include "viewer/panels/panels.hpp"
#include "viewer/panels/shared.hpp"

namespace llsa::viewer {
namespace {

constexpr plot::Rgb color_a = plot::rgb(0x2f7fd0), color_b = plot::rgb(0xe08a2c), color_both = plot::rgb(0x3fae6a);

void describe_sides(Ui& ui) {
  for (int side = 0; side < 2; ++side) {
    ImGui::TextColored(ImGui::ColorConvertU32ToFloat4(color(side ? color_b : color_a)), side ? "B" : "A");
    ImGui::SameLine();
    text_shortened(describe(ui.work.side(side).settings));
    if (!ui.work.side(side).problem.empty()) {
      ImGui::SameLine();
      ImGui::TextColored({0.9f, 0.35f, 0.3f, 1}, "%s", ui.work.side(side).problem.c_str());
    }
  }
}

/// The gap of the outputs costs a pass over the head: once per pair of results.
void describe_outputs(Ui& ui) {
  static std::optional<OutputGap> gap;
  static const HeadOutputs *of_a = nullptr, *of_b = nullptr;
  const HeadResult &a = ui.work.side(0).result(), &b = ui.work.side(1).result();
  if (a.outputs.get() != of_a || b.outputs.get() != of_b) gap = output_gap(a, b);
  of_a = a.outputs.get(), of_b = b.outputs.get();
  if (gap)
    ImGui::Text("whole head: |O_A - O_B| / |O_B| = %s, largest LSE gap %s",
                plot::format_value(gap->relative_l2).c_str(), plot::format_value(gap->lse).c_str());
  else
    ImGui::TextDisabled("whole head: computing ...");
}

void draw_overlap(Ui& ui, Plane& plane, const QueryView& query, const SelectionOverlap& overlap, int level) {
  const auto draw = [&](const std::vector<std::int32_t>& tokens, plot::Rgb c) {
    for (const std::int32_t token : tokens) {
      const CellShape& region = region_of(ui, *query.head, {level, token});
      plane.fill(region, color(c, 0.25));
      plane.outline(region, color(c), ui.px(2));
    }
  };
  draw(overlap.both, color_both);
  draw(overlap.only_b, color_b);
  draw(overlap.only_a, color_a);
}

}  // namespace

void draw_compare(Ui& ui) {
  Workspace& work = ui.work;
  if (!work.view.compare) {
    say_why_empty("press C to compare side A with side B; both have their options under Controls");
    return;
  }
  describe_sides(ui);
  const auto a = work.side(0).query(), b = work.side(1).query();
  if (!a || !b) return say_why_empty(work.busy() ? "computing ..." : "one side has no result yet");
  describe_outputs(ui);
  const int level = std::min(work.view.level, std::min(a->head->levels(), b->head->levels()));
  const auto overlap = overlap_of(*a, *b, level);
  if (overlap)
    ImGui::Text("level %d: %zu tokens selected by both, %zu by A alone, %zu by B alone", level, overlap->both.size(),
                overlap->only_a.size(), overlap->only_b.size());
  else
    ImGui::TextDisabled("selections cannot be compared: no common level, or other blocks or another order");
  const Head& head = *a->head->head;
  static std::vector<float> difference;
  static std::string computed;
  const std::string pair =
      fmt::format("{} {} {} {}", static_cast<const void*>(a.get()), static_cast<const void*>(b.get()),
                  work.side(0).revision(), work.side(1).revision());
  if (pair != computed) difference = weight_difference(*a, *b);
  computed = pair;
  if (difference.empty()) return say_why_empty("the sides have different numbers of keys");
  const ColorScale scale({}, difference, true);
  {
    Plane plane(ui, ui.picture, "compare", head.key_cells.bounds(), true, ui.px(color_bar_height));
    plane.image(ui.textures.get("compare", pair, [&] { return heat_pixels(head.key_cells, difference, scale); }),
                head.key_cells.bounds());
    if (overlap) draw_overlap(ui, plane, *a, *overlap, level);
    plane.numbers(head.key_cells, [&](std::int64_t cell) {
      return plot::format_value(static_cast<double>(difference[static_cast<std::size_t>(cell)]), 2);
    });
    if (work.document()->self_attention()) plane.marker(head.key_cells.cell(work.view.query_cell).center());
    take_click(ui, plane, *a);
    if (const auto cell = plane.input().cursor ? head.key_cells.hit(*plane.input().cursor) : std::nullopt) {
      begin_tooltip_beside(ui, plane.camera().to_screen(head.key_cells.cell(*cell)));
      const auto at = static_cast<std::size_t>(*cell);
      ui.under_cursor = fmt::format("{}\nweight: A {}, B {}, A - B {}", cell_name(head.key_cells.grid(), *cell),
                                    plot::format_value(static_cast<double>(a->llsa[at])),
                                    plot::format_value(static_cast<double>(b->llsa[at])),
                                    plot::format_value(static_cast<double>(difference[at])));
      ImGui::TextUnformatted(ui.under_cursor.c_str());
      ImGui::EndTooltip();
    }
  }
  draw_color_bar(ui, scale, "A - B");
}

}  // namespace llsa::viewer

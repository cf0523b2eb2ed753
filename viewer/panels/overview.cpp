#include <fmt/format.h>

#include <algorithm>

#include "plot/ticks.hpp"
#include "viewer/panels/panels.hpp"
#include "viewer/panels/shared.hpp"

namespace llsa::viewer {
namespace {

struct Choice {
  OverviewValue value;
  const char* label;
  const char* meaning;
};
constexpr Choice choices[] = {
    {OverviewValue::weights, "weights", "how much the query gives each key, over the picture"},
    {OverviewValue::error, "error", "|O - O dense| / |O dense| of the query"},
    {OverviewValue::mass, "mass on fine keys", "dense attention's probability of the fine keys that are touched"},
    {OverviewValue::entropy, "entropy", "of the query's weights, in bits: low where few keys count"},
    {OverviewValue::agreement, "agreement",
     "sum of the smaller of the sparse and the dense weight: 1 when they are equal"}};

void choose_value(ViewState& view) {
  for (const Choice& choice : choices) {
    if (ImGui::RadioButton(choice.label, view.overview == choice.value)) view.overview = choice.value;
    if (ImGui::IsItemHovered()) ImGui::SetTooltip("%s", choice.meaning);
    if (&choice != std::end(choices) - 1) ImGui::SameLine();
  }
}

/// The colour of every head's number, or of its weights, in one range for all.
ColorScale scale_of(const Overview& overview, const ViewState& view) {
  std::vector<float> values;
  for (int set = 0; set < overview.sets(); ++set)
    for (std::int64_t head = 0; head < overview.heads(); ++head) {
      const OverviewEntry* entry = overview.entry(set, head);
      if (!entry) continue;
      if (view.overview == OverviewValue::weights)
        values.insert(values.end(), entry->weights.begin(), entry->weights.end());
      else
        values.push_back(static_cast<float>(entry->number(view.overview)));
    }
  if (values.empty()) values.push_back(1);
  ColorChoice choice = view.weight_colors;
  choice.log = choice.log && view.overview == OverviewValue::weights;
  choice.low = choice.high = std::nullopt;
  return {choice, values, false};
}

std::string set_name(const Document& document, int set) {
  const std::string& name = document.sets[static_cast<std::size_t>(set)].name;
  return name.empty() ? fmt::format("set {}", set) : name;
}

void enter(Workspace& work, const OverviewEntry& entry) {
  for (int side = 0; side < 2; ++side) {
    work.side(side).settings.set = entry.set;
    work.side(side).settings.head = entry.head;
  }
}

void draw_entry(Ui& ui, const OverviewEntry& entry, const ColorScale& scale, const GridLayout& cells, ImVec2 at,
                ImVec2 size) {
  const ViewState& view = ui.work.view;
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const ImVec2 end{at.x + size.x, at.y + size.y};
  if (view.overview == OverviewValue::weights) {
    const std::string key = fmt::format("{} {} {} {}", static_cast<const void*>(&entry), scale.map().name(),
                                        scale.range().low(), scale.range().high());
    const Texture& texture = ui.textures.get(fmt::format("overview {} {}", entry.set, entry.head), key,
                                             [&] { return heat_pixels(cells, entry.weights, scale); });
    list.AddImage(texture.id(), at, end);
  } else {
    const double value = entry.number(view.overview);
    const plot::Rgb fill = scale.color(value);
    list.AddRectFilled(at, end, color(fill));
    const std::string text = plot::format_value(value, 2);
    const ImVec2 needed = ImGui::CalcTextSize(text.c_str());
    const bool dark = fill.r * 0.3 + fill.g * 0.59 + fill.b * 0.11 < 128;
    if (needed.x < size.x && needed.y < size.y)
      list.AddText({at.x + (size.x - needed.x) / 2, at.y + (size.y - needed.y) / 2},
                   dark ? IM_COL32_WHITE : IM_COL32_BLACK, text.c_str());
  }
  const Settings& now = ui.work.shown().settings;
  ImGui::SetCursorScreenPos(at);
  if (ImGui::InvisibleButton(fmt::format("{} {}", entry.set, entry.head).c_str(), size)) enter(ui.work, entry);
  const bool is_shown = now.set == entry.set && now.head == entry.head;
  if (ImGui::IsItemHovered() || is_shown)
    list.AddRect(at, end, ImGui::GetColorU32(is_shown ? ImGuiCol_ButtonHovered : ImGuiCol_Text), 0, 0, ui.px(2));
  if (!ImGui::IsItemHovered()) return;
  begin_tooltip_beside(ui, {at.x, at.y, end.x, end.y});
  const std::string text = fmt::format("{}, head {}\nerror {}, mass on fine keys {}\nentropy {} bits, agreement {}",
                                       set_name(*ui.work.document(), entry.set), entry.head,
                                       plot::format_value(entry.error, 3), plot::format_value(entry.mass, 3),
                                       plot::format_value(entry.entropy, 3), plot::format_value(entry.agreement, 3));
  ImGui::TextUnformatted(text.c_str());
  ui.under_cursor = text;
  ImGui::EndTooltip();
}

/// Sets one below the other in columns, heads beside each other, all as large as fits; what is too small to be seen is
/// scrolled to.
struct Tiling {
  int rows = 1;  ///< sets in a column
  ImVec2 size;   ///< of one head's picture
  float names, gap, top, width;

  Tiling(const Ui& ui, int sets, std::int64_t heads, float names_width, double aspect)
      : names(names_width), gap(ui.px(3)), top(ImGui::GetTextLineHeight() + ui.px(3)) {
    const ImVec2 room = ImGui::GetContentRegionAvail();
    float height = 0;
    for (int columns = 1; columns <= sets; ++columns) {
      const int below = (sets + columns - 1) / columns;
      const float across = (room.x / static_cast<float>(columns) - names) / static_cast<float>(heads) - gap;
      const float fits =
          std::min((room.y - top) / static_cast<float>(below) - gap, across / static_cast<float>(aspect));
      if (fits > height) height = fits, rows = below;
    }
    if (height < ui.px(14)) {
      height = ui.px(14);
      rows = sets;
    }
    size = {height * static_cast<float>(aspect), height};
    width = names + static_cast<float>(heads) * (size.x + gap) + gap;
  }
  ImVec2 place(ImVec2 from, int set, std::int64_t head) const {
    const int column = set / rows, row = set % rows;
    return {from.x + static_cast<float>(column) * width + names + static_cast<float>(head) * (size.x + gap),
            from.y + top + static_cast<float>(row) * (size.y + gap)};
  }
};

}  // namespace

void draw_overview(Ui& ui) {
  const QueryView* query = query_or_reason(ui);
  if (!query) return;
  Overview& overview = ui.work.overview();
  overview.want();
  choose_value(ui.work.view);
  if (!overview.problem().empty()) return say_why_empty(overview.problem().c_str());
  const int sets = overview.sets();
  const std::int64_t heads = overview.heads();
  if (sets == 0) return say_why_empty("computing ...");
  const ColorScale scale = scale_of(overview, ui.work.view);
  const GridLayout& cells = query->head->head->key_cells;
  float names = 0;
  for (int set = 0; set < sets; ++set)
    names = std::max(names, ImGui::CalcTextSize(set_name(*ui.work.document(), set).c_str()).x);
  names = std::min(names + ui.px(8), ImGui::GetContentRegionAvail().x * 0.4f);
  ImGui::BeginChild("grid", {0, ImGui::GetContentRegionAvail().y - ui.px(color_bar_height)});
  const double aspect = cells.bounds().width() / cells.bounds().height();
  const Tiling tiling(ui, sets, heads, names, aspect);
  const ImVec2 from = ImGui::GetCursorScreenPos();
  const float line = ImGui::GetTextLineHeight();
  for (int group = 0; group * tiling.rows < sets; ++group)
    for (std::int64_t head = 0; head < heads; ++head) {
      const ImVec2 at = tiling.place(from, group * tiling.rows, head);
      ImGui::GetWindowDrawList()->AddText({at.x, from.y}, ImGui::GetColorU32(ImGuiCol_TextDisabled),
                                          fmt::format("{}{}", tiling.size.x > ui.px(48) ? "head " : "", head).c_str());
    }
  for (int set = 0; set < sets; ++set) {
    const ImVec2 first = tiling.place(from, set, 0);
    ImGui::SetCursorScreenPos({first.x - names, first.y + (tiling.size.y - line) / 2});
    ImGui::PushClipRect({first.x - names, first.y}, {first.x, first.y + tiling.size.y}, true);
    ImGui::TextUnformatted(set_name(*ui.work.document(), set).c_str());
    ImGui::PopClipRect();
    for (std::int64_t head = 0; head < heads; ++head)
      if (const OverviewEntry* entry = overview.entry(set, head))
        draw_entry(ui, *entry, scale, cells, tiling.place(from, set, head), tiling.size);
  }
  ImGui::SetCursorScreenPos({from.x, tiling.place(from, tiling.rows - 1, 0).y + tiling.size.y});
  ImGui::EndChild();
  draw_color_bar(ui, scale,
                 ui.work.view.overview == OverviewValue::weights ? "of the query's weight"
                                                                 : std::string(name_of(ui.work.view.overview)));
}

}  // namespace llsa::viewer

#include "viewer/model/profile.hpp"

#include <fmt/format.h>

#include <cmath>

#include "plot/line_chart.hpp"
#include "viewer/model/figures.hpp"
#include "viewer/panels/panels.hpp"

namespace llsa::viewer {
namespace {

/// What the panel shows and the picture of it.
struct Shown {
  std::string group;
  plot::LineChart chart;
  plot::LineChartLayout layout;
};

void choose_group(Ui& ui, const Profile& profile, std::string& group) {
  ImGui::SetNextItemWidth(ui.px(230));
  if (!ImGui::BeginCombo("##group", group.empty() ? "time in total, every method" : group.c_str())) return;
  if (ImGui::Selectable("time in total, every method", group.empty())) group.clear();
  for (const std::string& name : profile.groups())
    if (ImGui::Selectable(("stages of " + name).c_str(), group == name)) group = name;
  ImGui::EndCombo();
}

/// The measured point next to the cursor, in pixels of the chart.
void show_nearest(Ui& ui, const Shown& shown, ImVec2 origin) {
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  double nearest = static_cast<double>(ui.px(24));
  std::string text;
  ImVec2 place;
  for (const plot::Series& series : shown.chart.series) {
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      const plot::Rect& area = shown.layout.plot;
      const double x = area.x + shown.layout.x.position(series.x[i]) * area.width;
      const double y = area.bottom() - shown.layout.y.position(series.y[i]) * area.height;
      const ImVec2 at{origin.x + static_cast<float>(x) * ui.scale, origin.y + static_cast<float>(y) * ui.scale};
      const double distance = std::hypot(static_cast<double>(at.x - mouse.x), static_cast<double>(at.y - mouse.y));
      if (!(distance < nearest)) continue;
      nearest = distance;
      place = at;
      const bool is_bound = !series.markers;
      text = fmt::format("{}\n{} tokens: {} ms", is_bound ? "the least that the counted work takes" : series.label,
                         plot::format_value(series.x[i], 7), plot::format_value(series.y[i], 4));
    }
  }
  if (text.empty()) return;
  ui.under_cursor = text;
  const float radius = ui.px(6);
  ImGui::GetWindowDrawList()->AddCircle(place, radius, ImGui::GetColorU32(ImGuiCol_Text), 0, ui.px(2));
  begin_tooltip_beside(ui, {place.x - radius, place.y - radius, place.x + radius, place.y + radius});
  ImGui::TextUnformatted(text.c_str());
  ImGui::EndTooltip();
}

}  // namespace

void draw_profile(Ui& ui) {
  const auto& profile = ui.work.profile();
  const std::string& problem = ui.work.profile_problem;
  if (!profile)
    return say_why_empty(problem.empty() ? "open the file that llsa-compare profile --json wrote" : problem.c_str());
  static Shown shown;
  static int width = 0, height = 0;
  choose_group(ui, *profile, shown.group);
  ImGui::SameLine();
  text_shortened(profile->file.string());
  for (const Crossover& c : profile->crossovers)
    ImGui::Text("%s, %s: %s is faster than %s beyond %s tokens", c.backend.c_str(), c.pass.c_str(), c.faster.c_str(),
                c.slower.c_str(), plot::format_value(c.tokens, 3).c_str());
  const ImVec2 at = ImGui::GetCursorScreenPos(), room = ImGui::GetContentRegionAvail();
  width = static_cast<int>(std::max(room.x, ui.px(120)));
  height = static_cast<int>(std::max(room.y, ui.px(100)));
  const std::string key = fmt::format("{} {} {} {} {}", profile->file.string(), static_cast<const void*>(&*profile),
                                      shown.group, width, height) +
                          ui.work.view.theme;
  const Texture& picture = ui.textures.get("profile", key, [&] {
    shown.chart = profile_chart(*profile, shown.group);
    const bool dark = ui.work.view.theme == "dark";
    plot::Canvas canvas(width / static_cast<double>(ui.scale), height / static_cast<double>(ui.scale),
                        dark ? plot::dark_ground : plot::white, dark ? plot::Theme::dark : plot::Theme::light);
    shown.layout = plot::draw_line_chart(canvas, canvas.area().inset(8), shown.chart);
    return picture_pixels(canvas.render(static_cast<double>(ui.scale)));
  });
  ImGui::Image(picture.id(), {static_cast<float>(picture.width()), static_cast<float>(picture.height())});
  if (ImGui::IsItemHovered()) show_nearest(ui, shown, at);
}

}  // namespace llsa::viewer

#include "viewer/draw/plane.hpp"

#include <algorithm>
#include <cmath>

#include "plot/ticks.hpp"

namespace llsa::viewer {

Plane::Plane(Ui& ui, PlaneCamera& shared, const char* id, const Box& world, bool square, float below, Point axes)
    : ui_(ui) {
  const ImVec2 at = ImGui::GetCursorScreenPos(), room = ImGui::GetContentRegionAvail();
  const ImVec2 size{std::max(room.x, ui.px(24)), std::max(room.y - below, ui.px(24))};
  camera_ = shared.camera;
  camera_.viewport = {at.x, at.y, at.x + size.x, at.y + size.y};
  if (ui.requests.fit) shared.fitting = true;
  if (shared.fitting) camera_.fit(world, square, ui.px(6));
  ImGui::InvisibleButton(
      id, size,
      ImGuiButtonFlags_MouseButtonLeft | ImGuiButtonFlags_MouseButtonRight | ImGuiButtonFlags_MouseButtonMiddle);
  const ImGuiIO& io = ImGui::GetIO();
  const Point mouse{io.MousePos.x, io.MousePos.y};
  const bool over = ImGui::IsItemHovered(), held = ImGui::IsItemActive();
  const float threshold = ui.px(4);
  const Camera before = camera_;
  if (over && io.MouseWheel != 0) {
    const double factor = std::pow(1.2, static_cast<double>(io.MouseWheel));
    camera_.zoom_about(mouse, {axes.x > 0 ? factor : 1, axes.y > 0 ? factor : 1});
  }
  for (const int button : {0, 1, 2})
    if (held && ImGui::IsMouseDragging(button, threshold))
      camera_.pan({axes.x * static_cast<double>(io.MouseDelta.x), axes.y * static_cast<double>(io.MouseDelta.y)});
  if (before.center != camera_.center || before.zoom != camera_.zoom) {
    camera_.keep_in_sight(world);
    shared.fitting = false;
  }
  shared.camera = camera_;
  const auto let_go = [&](int button) {
    return over && ImGui::IsMouseReleased(button) && io.MouseDragMaxDistanceSqr[button] < threshold * threshold;
  };
  if (over) input_.cursor = camera_.to_world(mouse);
  input_.clicked = let_go(0);
  input_.right_clicked = let_go(1);
  list_ = ImGui::GetWindowDrawList();
  list_->PushClipRect(at, {at.x + size.x, at.y + size.y}, true);
  list_->AddRectFilled(at, {at.x + size.x, at.y + size.y}, ImGui::GetColorU32(ImGuiCol_ChildBg));
}

Plane::~Plane() { list_->PopClipRect(); }

void Plane::image(const Texture& texture, const Box& world, double opacity) {
  const Box at = camera_.to_screen(world);
  list_->AddImage(texture.id(), vec({at.x0, at.y0}), vec({at.x1, at.y1}), {0, 0}, {1, 1},
                  IM_COL32(255, 255, 255, static_cast<int>(opacity * 255 + 0.5)));
}

void Plane::fill(const CellShape& region, ImU32 color) {
  for (const Box& r : region.fill) {
    const Box at = camera_.to_screen(r);
    list_->AddRectFilled(vec({at.x0, at.y0}), vec({at.x1, at.y1}), color);
  }
}

void Plane::outline(const CellShape& region, ImU32 color, float width, bool rim) {
  const auto draw = [&](ImU32 c, float w) {
    const double half = static_cast<double>(w) / 2;
    for (const Segment& s : region.outline) {
      const Point a = camera_.to_screen(s.a), b = camera_.to_screen(s.b);
      list_->AddRectFilled(vec({a.x - half, a.y - half}), vec({b.x + half, b.y + half}), c);
    }
  };
  if (rim) draw(IM_COL32(0, 0, 0, 110), width + ui_.px(1.5f));
  draw(color, width);
}

void Plane::frame(const Box& world, ImU32 color, float width) {
  const Box at = camera_.to_screen(world);
  list_->AddRect(vec({at.x0, at.y0}), vec({at.x1, at.y1}), color, 0, 0, width);
}

void Plane::marker(Point world) {
  const ImVec2 at = vec(camera_.to_screen(world));
  const float radius = std::clamp(static_cast<float>(camera_.zoom.x) * 0.7f, ui_.px(6), ui_.px(20));
  list_->AddCircle(at, radius, IM_COL32(0, 0, 0, 220), 0, ui_.px(4));
  list_->AddCircle(at, radius, IM_COL32(255, 255, 255, 255), 0, ui_.px(2));
}

void Plane::numbers(const GridLayout& layout, const std::function<std::string(std::int64_t)>& text) {
  const double cell = std::min(camera_.zoom.x, camera_.zoom.y);
  if (cell < static_cast<double>(ui_.px(44))) return;
  const Box seen = camera_.visible(), all = layout.bounds();
  for (double y = std::floor(std::max(seen.y0, all.y0)); y < std::min(seen.y1, all.y1); ++y)
    for (double x = std::floor(std::max(seen.x0, all.x0)); x < std::min(seen.x1, all.x1); ++x)
      if (const auto hit = layout.hit({x + 0.5, y + 0.5})) label({x + 0.5, y + 0.5}, text(*hit), IM_COL32_WHITE);
}

void Plane::label(Point world, const std::string& text, ImU32 color) {
  const ImVec2 size = ImGui::CalcTextSize(text.c_str());
  const ImVec2 middle = vec(camera_.to_screen(world));
  const ImVec2 at{std::floor(middle.x - size.x / 2), std::floor(middle.y - size.y / 2)};
  const float pad = ui_.px(2);
  list_->AddRectFilled({at.x - pad, at.y - pad / 2}, {at.x + size.x + pad, at.y + size.y + pad / 2},
                       IM_COL32(0, 0, 0, 150), ui_.px(2));
  list_->AddText(at, color, text.c_str());
}

void draw_color_bar(Ui& ui, const ColorScale& scale, const std::string& unit) {
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x, height = ui.px(11), side = ui.px(20);
  const float x0 = at.x + side, x1 = at.x + std::max(width - side, side + 1), y0 = at.y + ui.px(4);
  ImDrawList& list = *ImGui::GetWindowDrawList();
  constexpr int steps = 128;
  for (int i = 0; i < steps; ++i) {
    const auto x = [&](int step) { return x0 + (x1 - x0) * static_cast<float>(step) / steps; };
    list.AddRectFilled({x(i), y0}, {x(i + 1), y0 + height}, color(scale.color_at((i + 0.5) / steps)));
  }
  list.AddRect({x0, y0}, {x1, y0 + height}, ImGui::GetColorU32(ImGuiCol_Border));
  float free_from = at.x;
  for (const plot::Tick& tick : plot::ticks(scale.range(), std::max(2, static_cast<int>(width / ui.px(70))))) {
    const float x = x0 + (x1 - x0) * static_cast<float>(scale.range().position(tick.value));
    if (x < x0 - 1 || x > x1 + 1) continue;
    list.AddLine({x, y0 + height}, {x, y0 + height + ui.px(tick.label.empty() ? 2 : 4)},
                 ImGui::GetColorU32(ImGuiCol_Text));
    const ImVec2 size = ImGui::CalcTextSize(tick.label.c_str());
    const float left = std::clamp(x - size.x / 2, at.x, std::max(at.x, at.x + width - size.x));
    if (tick.label.empty() || left < free_from) continue;
    list.AddText({left, y0 + height + ui.px(4)}, ImGui::GetColorU32(ImGuiCol_Text), tick.label.c_str());
    free_from = left + size.x + ui.px(8);
  }
  ImGui::InvisibleButton("colour bar",
                         {std::max(width, 1.0f), ui.px(color_bar_height) - ImGui::GetStyle().ItemSpacing.y});
  if (!ImGui::IsItemHovered()) return;
  const double position = static_cast<double>((ImGui::GetIO().MousePos.x - x0) / (x1 - x0));
  if (position < 0 || position > 1) return;
  begin_tooltip_beside(ui, {at.x, y0, at.x, y0 + height});
  ImGui::Text("%s %s", plot::format_value(scale.value_at(position), 4).c_str(), unit.c_str());
  ImGui::EndTooltip();
}

}  // namespace llsa::viewer

#include "viewer/draw/ui.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

namespace llsa::viewer {
namespace {

const char* first_existing(std::initializer_list<const char*> files) {
  for (const char* file : files)
    if (std::filesystem::exists(file)) return file;
  return nullptr;
}

void dark_colors(ImGuiStyle& style) {
  ImGui::StyleColorsDark(&style);
  style.Colors[ImGuiCol_WindowBg] = {0.105f, 0.115f, 0.13f, 1};
  style.Colors[ImGuiCol_ChildBg] = {0.075f, 0.082f, 0.095f, 1};
  style.Colors[ImGuiCol_PopupBg] = {0.13f, 0.14f, 0.16f, 1};
  style.Colors[ImGuiCol_TitleBg] = {0.085f, 0.095f, 0.11f, 1};
  style.Colors[ImGuiCol_TitleBgActive] = {0.15f, 0.21f, 0.29f, 1};
  style.Colors[ImGuiCol_FrameBg] = {0.18f, 0.2f, 0.23f, 1};
}

void light_colors(ImGuiStyle& style) {
  ImGui::StyleColorsLight(&style);
  style.Colors[ImGuiCol_WindowBg] = {0.955f, 0.96f, 0.965f, 1};
  style.Colors[ImGuiCol_ChildBg] = {1, 1, 1, 1};
  style.Colors[ImGuiCol_PopupBg] = {1, 1, 1, 1};
  style.Colors[ImGuiCol_TitleBg] = {0.87f, 0.885f, 0.9f, 1};
  style.Colors[ImGuiCol_TitleBgActive] = {0.74f, 0.82f, 0.91f, 1};
  style.Colors[ImGuiCol_FrameBg] = {0.875f, 0.89f, 0.905f, 1};
  style.Colors[ImGuiCol_Border] = {0.7f, 0.72f, 0.75f, 1};
  style.Colors[ImGuiCol_TextDisabled] = {0.42f, 0.44f, 0.47f, 1};
}

}  // namespace

bool apply_style(Ui& ui, float scale) {
  ui.scale = scale;
  ImGuiStyle style;
  ui.work.view.theme == "light" ? light_colors(style) : dark_colors(style);
  style.WindowRounding = 3;
  style.FrameRounding = 3;
  style.GrabRounding = 3;
  style.WindowPadding = {8, 6};
  style.ItemSpacing = {6, 4};
  style.WindowMenuButtonPosition = ImGuiDir_None;
  style.ScaleAllSizes(scale);
  ImGui::GetStyle() = style;

  // Latin, Greek, and the signs that numbers and labels use.
  static const std::array<ImWchar, 15> ranges = {0x20,   0xff,   0x370,  0x3ff,  0x2010, 0x2026, 0x2070, 0x208e,
                                                 0x2190, 0x2193, 0x2212, 0x2212, 0x2248, 0x2248, 0};
  ImFontAtlas& fonts = *ImGui::GetIO().Fonts;
  fonts.Clear();
  const char* regular =
      first_existing({"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "/usr/share/fonts/TTF/DejaVuSans.ttf",
                      "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf", "/System/Library/Fonts/Helvetica.ttc"});
  const char* bold = first_existing({"/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
                                     "/usr/share/fonts/TTF/DejaVuSans-Bold.ttf",
                                     "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans-Bold.ttf"});
  if (regular) {
    fonts.AddFontFromFileTTF(regular, 13.5f * scale, nullptr, ranges.data());
    ui.bold = fonts.AddFontFromFileTTF(bold ? bold : regular, 13.5f * scale, nullptr, ranges.data());
  } else {
    ImFontConfig config;
    config.SizePixels = 13 * scale;
    ui.bold = fonts.AddFontDefault(&config);
  }
  fonts.Build();
  return regular != nullptr;
}

void say_why_empty(const char* text) {
  const ImVec2 room = ImGui::GetContentRegionAvail();
  const float width = std::min(ImGui::CalcTextSize(text).x, room.x);
  ImGui::SetCursorPos({ImGui::GetCursorPosX() + (room.x - width) / 2, ImGui::GetCursorPosY() + room.y * 0.4f});
  ImGui::PushTextWrapPos(0);
  ImGui::TextDisabled("%s", text);
  ImGui::PopTextWrapPos();
}

void text_shortened(const std::string& text) {
  const float room = ImGui::GetContentRegionAvail().x;
  std::string shown = text;
  for (std::size_t keep = text.size(); keep > 4 && ImGui::CalcTextSize(shown.c_str()).x > room; keep -= 2)
    shown = text.substr(0, keep / 2) + "..." + text.substr(text.size() - keep / 2);
  ImGui::TextUnformatted(shown.c_str());
  if (shown != text && ImGui::IsItemHovered()) ImGui::SetTooltip("%s", text.c_str());
}

void begin_tooltip_beside(const Ui& ui, const Box& avoid) {
  static ImVec2 size{0, 0};  // of the last tooltip: this one's is known only after it was drawn
  const ImVec2 room = ImGui::GetIO().DisplaySize;
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  const float gap = ui.px(12);
  const auto clamp_y = [&](float y) { return std::clamp(y, 0.0f, std::max(0.0f, room.y - size.y)); };
  const auto clamp_x = [&](float x) { return std::clamp(x, 0.0f, std::max(0.0f, room.x - size.x)); };
  ImVec2 at;
  if (static_cast<float>(avoid.x1) + gap + size.x <= room.x)
    at = {static_cast<float>(avoid.x1) + gap, clamp_y(mouse.y - size.y / 2)};
  else if (static_cast<float>(avoid.x0) - gap - size.x >= 0)
    at = {static_cast<float>(avoid.x0) - gap - size.x, clamp_y(mouse.y - size.y / 2)};
  else if (static_cast<float>(avoid.y1) + gap + size.y <= room.y)
    at = {clamp_x(mouse.x - size.x / 2), static_cast<float>(avoid.y1) + gap};
  else
    at = {clamp_x(mouse.x - size.x / 2), std::max(0.0f, static_cast<float>(avoid.y0) - gap - size.y)};
  ImGui::SetNextWindowPos(at);
  ImGui::BeginTooltip();
  if (ImGui::GetWindowWidth() > ui.px(60)) size = ImGui::GetWindowSize();
}

}  // namespace llsa::viewer

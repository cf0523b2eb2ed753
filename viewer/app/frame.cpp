#include "viewer/app/frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "viewer/model/command_line.hpp"
#include "viewer/panels/panels.hpp"

namespace llsa::viewer {
namespace {

constexpr float status_height = 26;  // points

void step_with_arrows(Workspace& work) {
  const int by = ImGui::GetIO().KeyShift ? 8 : 1;
  const auto pressed = [](ImGuiKey_ key) { return ImGui::IsKeyPressed(ImGui::GetKeyIndex(key)); };
  if (pressed(ImGuiKey_LeftArrow)) work.step_query(-by, 0);
  if (pressed(ImGuiKey_RightArrow)) work.step_query(by, 0);
  if (pressed(ImGuiKey_UpArrow)) work.step_query(0, -by);
  if (pressed(ImGuiKey_DownArrow)) work.step_query(0, by);
}

}  // namespace

void Frame::take_keys() {
  const ImGuiIO& io = ImGui::GetIO();
  Workspace& work = ui_.work;
  if (io.WantTextInput) return;
  if (!io.KeyCtrl)
    for (const ImWchar typed : io.InputQueueCharacters) type_character(typed, work, ui_.requests);
  if (!dialogs_.any_open()) step_with_arrows(work);
  // Native key codes: GLFW's are the upper-case letters.
  if (io.KeyCtrl && ImGui::IsKeyPressed('Q', false)) ui_.requests.quit = true;
  if (io.KeyCtrl && ImGui::IsKeyPressed(ImGui::GetKeyIndex(ImGuiKey_Z)))
    io.KeyShift ? redo(work, ui_.requests) : undo(work, ui_.requests);
  if (io.KeyCtrl && ImGui::IsKeyPressed(ImGui::GetKeyIndex(ImGuiKey_Y))) redo(work, ui_.requests);
  if (io.KeyCtrl && ImGui::IsKeyPressed(ImGui::GetKeyIndex(ImGuiKey_C), false)) ui_.requests.copy = true;
  const int space = ImGui::GetKeyIndex(ImGuiKey_Space);
  if (work.view.compare && (ImGui::IsKeyPressed(space, false) || ImGui::IsKeyReleased(space))) work.swap_sides();
  if (ImGui::IsKeyPressed(ImGui::GetKeyIndex(ImGuiKey_Escape), false)) {
    if (ui_.requests.help)
      ui_.requests.help = false;
    else if (!dialogs_.close_any()) {
      if (work.busy()) work.cancel();
      work.pinned.reset();
    }
  }
}

void Frame::menu() {
  if (!ImGui::BeginMainMenuBar()) return;
  Workspace& work = ui_.work;
  if (ImGui::BeginMenu("File")) {
    if (ImGui::MenuItem("Open ...", "O")) ui_.requests.open = true;
    if (ImGui::BeginMenu("Open again", !work.recent().empty())) {
      const auto recent = work.recent();  // opening changes it
      for (const auto& files : recent)
        if (ImGui::MenuItem(files.front().string().c_str())) work.open(files, {});
      ImGui::EndMenu();
    }
    if (ImGui::MenuItem("Built-in picture")) work.open({}, {});
    if (ImGui::MenuItem("Export ...", "E")) ui_.requests.save = true;
    if (ImGui::MenuItem("Copy the command line", "X")) ui_.requests.copy_command = true;
    ImGui::Separator();
    if (ImGui::MenuItem("Quit", "Ctrl+Q")) ui_.requests.quit = true;
    ImGui::EndMenu();
  }
  if (ImGui::BeginMenu("Edit")) {
    if (ImGui::MenuItem("Undo", "Ctrl+Z", false, work.history().can_undo())) undo(work, ui_.requests);
    if (ImGui::MenuItem("Redo", "Ctrl+Y", false, work.history().can_redo())) redo(work, ui_.requests);
    ImGui::EndMenu();
  }
  if (ImGui::BeginMenu("Panels")) {
    for (int i = 0; i < panel_count; ++i) {
      const auto panel = static_cast<Panel>(i);
      const bool open = work.view.places[static_cast<std::size_t>(i)].open;
      if (ImGui::MenuItem(title_of(panel), nullptr, open)) toggle_panel(work, panel);
    }
    ImGui::Separator();
    if (ImGui::MenuItem("Default layout")) {
      work.view.places = default_places();
      drawn_size_ = {0, 0};  // as if the window had just got its size
    }
    ImGui::EndMenu();
  }
  if (ImGui::BeginMenu("View")) {
    if (ImGui::MenuItem("Fit everything", "F")) ui_.requests.fit = true;
    if (ImGui::MenuItem("Dark or light", "T")) type_character(U't', work, ui_.requests);
    if (ImGui::MenuItem("Larger", "+")) change_scale(work, ui_.requests, 1.125);
    if (ImGui::MenuItem("Smaller", "-")) change_scale(work, ui_.requests, 1 / 1.125);
    ImGui::EndMenu();
  }
  if (ImGui::MenuItem("Keys (?)")) ui_.requests.help = !ui_.requests.help;
  if (work.view.compare) {
    const char* shown = work.view.side == 0 ? "showing A" : "showing B";
    ImGui::SameLine(ImGui::GetWindowWidth() - ImGui::CalcTextSize(shown).x - ui_.px(16));
    ImGui::TextUnformatted(shown);
  }
  ImGui::EndMainMenuBar();
}

void Frame::panels(const Box& area) {
  const ImVec2 size{static_cast<float>(area.width()), static_cast<float>(area.height())};
  const bool resized = size.x != drawn_size_.x || size.y != drawn_size_.y;
  drawn_size_ = size;
  const auto points = [this](float pixels) { return static_cast<double>(pixels / ui_.scale); };
  PanelPlaces& places = ui_.work.view.places;
  const bool small = is_small(points(size.x), points(size.y));
  if (resized && places == default_places(!small)) places = default_places(small);
  // Places that changed since the last frame were changed by the program: its windows are put there.
  const PanelPlaces before = places;
  const bool put = resized || before != drawn_places_;
  std::optional<Panel> closed;
  std::optional<std::pair<Panel, Box>> moved;
  for (int i = 0; i < panel_count; ++i) {
    const auto panel = static_cast<Panel>(i);
    const PanelPlace& place = before[static_cast<std::size_t>(i)];
    if (!place.open) continue;
    const auto [rect, stays_open] = panel_window(panel, place.rect, area, put);
    if (!stays_open) closed = panel;
    if (rect) moved = {panel, *rect};
  }
  drawn_places_ = before;
  if (moved && places == before) {
    move_panel(places, moved->first, moved->second);
    drawn_places_[static_cast<std::size_t>(moved->first)].rect = moved->second;
  }
  if (closed) close_panel(places, *closed);
}

/// Draws a panel's window. Returns where a person has moved it to, if so, and whether it stays open. Places are
/// fractions of the area, so that windows follow when that changes.
std::pair<std::optional<Box>, bool> Frame::panel_window(Panel panel, const Box& rect, const Box& area, bool put) {
  const ImVec2 size{static_cast<float>(area.width()), static_cast<float>(area.height())};
  const auto at = [&](double fraction_x, double fraction_y) {
    return ImVec2{std::round(static_cast<float>(area.x0) + size.x * static_cast<float>(fraction_x)),
                  std::round(static_cast<float>(area.y0) + size.y * static_cast<float>(fraction_y))};
  };
  const ImVec2 from = at(rect.x0, rect.y0), to = at(rect.x1, rect.y1);
  const ImGuiCond when = put ? ImGuiCond_Always : ImGuiCond_Appearing;
  ImGui::SetNextWindowPos(from, when);
  ImGui::SetNextWindowSize({to.x - from.x, to.y - from.y}, when);
  bool stays_open = true;
  std::optional<Box> moved;
  if (ImGui::Begin(title_of(panel), &stays_open, ImGuiWindowFlags_NoCollapse)) {
    draw_panel(ui_, panel);
    const ImVec2 p = ImGui::GetWindowPos(), s = ImGui::GetWindowSize();
    if (!put && (p.x != from.x || p.y != from.y || s.x != to.x - from.x || s.y != to.y - from.y)) {
      const auto fraction = [](float v, double low, float length) {
        return std::clamp((static_cast<double>(v) - low) / static_cast<double>(length), -0.9, 1.9);
      };
      // A side that was not moved stays exactly where it was, not where pixels round it to.
      const auto side = [&](float now, float then, double was, double low, float length) {
        return now == then ? was : fraction(now, low, length);
      };
      moved =
          Box{side(p.x, from.x, rect.x0, area.x0, size.x), std::max(0.0, side(p.y, from.y, rect.y0, area.y0, size.y)),
              side(p.x + s.x, to.x, rect.x1, area.x0, size.x), side(p.y + s.y, to.y, rect.y1, area.y0, size.y)};
    }
  }
  ImGui::End();
  return {moved, stays_open};
}

void Frame::status(const Box& area) {
  ImGui::SetNextWindowPos(vec({area.x0, area.y0}));
  ImGui::SetNextWindowSize({static_cast<float>(area.width()), static_cast<float>(area.height())});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(ui_.px(8), ui_.px(3)));
  ImGui::PushStyleVar(ImGuiStyleVar_WindowRounding, 0);
  ImGui::Begin("status", nullptr,
               ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings |
                   ImGuiWindowFlags_NoBringToFrontOnFocus | ImGuiWindowFlags_NoNav);
  const Workspace& work = ui_.work;
  const JobStatus progress = work.progress();
  if (progress.busy) {
    const std::string text =
        progress.fraction > 0 ? fmt::format("{} {:.0f}%", progress.stage, 100 * progress.fraction) : progress.stage;
    ImGui::ProgressBar(static_cast<float>(progress.fraction), {ui_.px(210), ImGui::GetTextLineHeight() + ui_.px(3)},
                       text.c_str());
    ImGui::SameLine();
    if (ImGui::SmallButton("cancel (Esc)")) ui_.work.cancel();
    ImGui::SameLine();
  }
  if (work.message_is_error) ImGui::PushStyleColor(ImGuiCol_Text, ImVec4(0.92f, 0.36f, 0.3f, 1));
  text_shortened(work.message);
  if (work.message_is_error) ImGui::PopStyleColor();
  ImGui::End();
  ImGui::PopStyleVar(2);
}

void Frame::draw(std::optional<Panel> only) {
  ui_.work.update();
  // What was hovered in the last frame is highlighted everywhere in this one.
  ui_.focus = std::exchange(ui_.hovered, std::nullopt);
  ui_.under_cursor.clear();
  take_keys();
  const ImVec2 display = ImGui::GetIO().DisplaySize;
  if (only) {
    ImGui::SetNextWindowPos({0, 0});
    ImGui::SetNextWindowSize(display);
    ImGui::Begin(title_of(*only), nullptr,
                 ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoCollapse);
    draw_panel(ui_, *only);
    ImGui::End();
  } else {
    menu();
    const float top = ImGui::GetFrameHeight(), bottom = display.y - ui_.px(status_height);
    panels({0, top, display.x, bottom});
    status({0, bottom, display.x, display.y});
  }
  dialogs_.draw(ui_);
  ui_.work.note_settings(ImGui::GetTime(), ImGui::IsAnyMouseDown());
  if (ui_.requests.copy && !ui_.under_cursor.empty()) {
    ImGui::SetClipboardText(ui_.under_cursor.c_str());
    ui_.work.report("copied: " + ui_.under_cursor.substr(0, ui_.under_cursor.find('\n')), false);
  }
  if (ui_.requests.copy_command && ui_.work.document()) {
    const std::string line = command_line(ui_.work);
    ImGui::SetClipboardText(line.c_str());
    ui_.work.report("copied: " + line, false);
  }
  ui_.requests.copy = ui_.requests.copy_command = false;
  ui_.requests.fit = false;
}

}  // namespace llsa::viewer

#pragma once

#include "viewer/app/dialogs.hpp"
#include "viewer/draw/ui.hpp"

namespace llsa::viewer {

/// What a window draws in every frame, whatever made the window.
class Frame {
 public:
  explicit Frame(Ui& ui) : ui_(ui) {}

  /// Between `ImGui::NewFrame` and `ImGui::Render`: takes in results and keys, draws everything. `only` fills the whole
  /// window with one panel.
  void draw(std::optional<Panel> only = {});
  Dialogs& dialogs() { return dialogs_; }

 private:
  void take_keys();
  void menu();
  void panels(const Box& area);
  std::pair<std::optional<Box>, bool> panel_window(Panel panel, const Box& rect, const Box& area, bool put);
  void status(const Box& area);

  Ui& ui_;
  Dialogs dialogs_;
  ImVec2 drawn_size_{0, 0};
  PanelPlaces drawn_places_{};
};

}  // namespace llsa::viewer

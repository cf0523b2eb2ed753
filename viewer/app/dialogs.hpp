#pragma once

#include <array>
#include <string>

#include "viewer/draw/ui.hpp"

namespace llsa::viewer {

/// The boxes over the panels: open by path, the question for missing metadata, export, the list of keys.
class Dialogs {
 public:
  /// Opens what was requested, draws what is open.
  void draw(Ui& ui);
  bool any_open() const { return open_ || save_ || asking_; }
  /// Closes the front one; false when none is open.
  bool close_any();
  /// The path that the export box asked the window's picture for; empty when it did not. Reading it takes it.
  std::string take_picture_request();

 private:
  void draw_open(Ui& ui);
  void draw_question(Ui& ui);
  void draw_save(Ui& ui);
  void draw_help(Ui& ui);
  void save(Ui& ui);

  bool for_side_b_ = false;
  bool open_ = false, save_ = false, asking_ = false, focus_ = false;
  std::array<char, 1024> path_{};
  std::array<char, 64> grid_{}, key_grid_{};
  int layout_ = 0, order_ = -1;
  int what_ = 0;
  std::string problem_, picture_request_;
};

}  // namespace llsa::viewer

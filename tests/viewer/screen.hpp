#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "small_problem.hpp"
#include "viewer/app/frame.hpp"
#include "viewer/app/headless.hpp"

namespace llsa::viewer {

using files::Image;

/// A workspace drawn without a window, one panel at a time.
class Screen {
 public:
  Screen(Workspace& work, int width, int height, float scale = 1) : headless_(width, height), ui_(work), frame_(ui_) {
    apply_style(ui_, scale);
    headless_.imgui().reload_fonts();
    ImGui::GetIO().MousePos = {-1, -1};
  }
  Image draw(std::optional<Panel> panel, int frames = 3) {
    for (int i = 0; i < frames; ++i) {
      ui_.work.finish();
      headless_.draw([&] { frame_.draw(panel); });
    }
    return headless_.picture();
  }
  void move(Point to) { ImGui::GetIO().MousePos = vec(to); }
  void click(Point at, std::optional<Panel> panel, int button = 0) {
    move(at);
    draw(panel, 1);
    ImGui::GetIO().MouseDown[button] = true;
    draw(panel, 1);
    ImGui::GetIO().MouseDown[button] = false;
    draw(panel, 2);
  }
  void type(char c, std::optional<Panel> panel) {
    ImGui::GetIO().AddInputCharacter(static_cast<unsigned>(c));
    draw(panel, 2);
  }
  Ui& ui() { return ui_; }

 private:
  Headless headless_;
  Ui ui_;
  Frame frame_;
};

class Panels : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      Headless probe(8, 8);
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
    work = std::make_unique<Workspace>(1);
  }
  /// A 16 x 16 picture with B = 4, L = 2, K = 2.
  void open_small() {
    work->side(0).settings.how.options = {.block_size = 4, .levels = 2, .top_k = {2}};
    work->open({}, {.picture_size = Grid{1, 16, 16}});
    work->finish();
  }
  /// Where a cell of the picture's plane is on the screen, after a draw.
  static Point center_of(Screen& screen, std::int64_t cell) {
    const Camera& camera = screen.ui().picture.camera;
    return camera.to_screen(screen.ui().work.query()->head->head->key_cells.cell(cell).center());
  }
  std::unique_ptr<Workspace> work;
};

}  // namespace llsa::viewer

#include "viewer/app/stage.hpp"

#include <cmath>

namespace llsa::viewer {
namespace {

int pixels(int points, double scale) { return static_cast<int>(std::lround(points * scale)); }

}  // namespace

Stage::Stage(Workspace& work, int width, int height, double scale)
    : headless_(pixels(width, scale), pixels(height, scale)), ui_(work), frame_(ui_) {
  apply_style(ui_, static_cast<float>(scale * work.view.scale));
  headless_.imgui().reload_fonts();
  ImGui::GetIO().MousePos = {-1, -1};
}

files::Image Stage::settled_picture(std::optional<Panel> only) {
  // The first frame lays windows out, the second knows their sizes, the third that of a tooltip.
  for (int i = 0; i < 4; ++i) {
    ui_.work.finish();
    headless_.draw([&] { frame_.draw(only); });
  }
  return headless_.picture();
}

void Stage::build_frame() {
  headless_.build([&] { frame_.draw(); });
}

void Stage::draw() {
  headless_.draw();
  headless_.finish();
}

}  // namespace llsa::viewer

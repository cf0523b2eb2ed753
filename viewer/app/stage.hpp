#pragma once

#include "viewer/app/frame.hpp"
#include "viewer/app/headless.hpp"

namespace llsa::viewer {

/// What a window would show, drawn without one.
class Stage {
 public:
  /// Width and height in points; `scale` pixels a point, on top of the view's own. Throws `Error` without OpenGL 3.3.
  Stage(Workspace& work, int width, int height, double scale);

  /// The picture when everything is computed; `only` fills it with one panel.
  files::Image settled_picture(std::optional<Panel> only);
  /// One frame of a window where work goes on in the background: builds it, and draws it when `draw` is called.
  void build_frame();
  void draw();
  Ui& ui() { return ui_; }

 private:
  Headless headless_;
  Ui ui_;
  Frame frame_;
};

}  // namespace llsa::viewer

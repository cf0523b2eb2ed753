#pragma once

#include <functional>
#include <memory>

#include "files/image.hpp"

namespace llsa::viewer {

/// A Dear ImGui context with its drawing on OpenGL 3; the OpenGL context must be current from before to after.
class ImGuiSession {
 public:
  ImGuiSession();
  ~ImGuiSession();
  ImGuiSession(const ImGuiSession&) = delete;
  ImGuiSession& operator=(const ImGuiSession&) = delete;
  /// After the font atlas was rebuilt.
  void reload_fonts();
};

/// Drawing without a window or an X server: EGL without a surface, into a framebuffer object.
class Headless {
 public:
  /// Throws `Error` when the system has no such OpenGL.
  Headless(int width, int height);
  ~Headless();
  Headless(const Headless&) = delete;
  Headless& operator=(const Headless&) = delete;

  /// One ImGui frame; `frame` runs between `NewFrame` and `Render`.
  void build(const std::function<void()>& frame);
  /// Draws what was built last.
  void draw();
  void draw(const std::function<void()>& frame) {
    build(frame);
    draw();
  }
  /// Waits until everything is drawn.
  void finish();
  /// What the last frame drew.
  files::Image picture() const;
  ImGuiSession& imgui() { return *imgui_; }

 private:
  struct Context;
  int width_, height_;
  std::unique_ptr<Context> context_;
  unsigned framebuffer_ = 0, color_ = 0;
  std::unique_ptr<ImGuiSession> imgui_;
};

/// The pixels of the current framebuffer, top row first.
files::Image read_pixels(int width, int height);

}  // namespace llsa::viewer

#pragma once

#include <imgui.h>

#include <optional>
#include <string>

#include "viewer/draw/texture.hpp"
#include "viewer/model/camera.hpp"
#include "viewer/model/commands.hpp"
#include "viewer/model/workspace.hpp"

namespace llsa::viewer {

/// A camera that fits its panel until a person zooms or pans.
struct PlaneCamera {
  Camera camera;
  bool fitting = true;
};

/// What panels share while they draw: the state, textures, cameras.
struct Ui {
  explicit Ui(Workspace& workspace) : work(workspace) {}

  Workspace& work;
  Requests requests;
  TextureCache textures;
  PlaneCamera picture;  ///< overlay, weights, popularity and comparison move together
  PlaneCamera queries;  ///< of maps of queries where the keys have a grid of their own
  PlaneCamera blocks, pyramid;
  float scale = 1;                    ///< pixels per point: multiply every length by it
  std::optional<LevelToken> hovered;  ///< the key token under the cursor; set by the panel under it
  std::optional<LevelToken> focus;    ///< the one of the last frame, which every panel highlights
  std::string under_cursor;           ///< what `copy` copies; set by the panel under the cursor
  ImFont* bold = nullptr;

  float px(float points) const { return points * scale; }
};

inline ImVec2 vec(Point p) { return {static_cast<float>(p.x), static_cast<float>(p.y)}; }
inline ImU32 color(plot::Rgb c, double alpha = 1) {
  return IM_COL32(c.r, c.g, c.b, static_cast<int>(alpha * 255 + 0.5));
}

/// Dark or light colours and sizes for `scale` pixels a point; loads the fonts at that size. Before a frame only.
/// Returns false when no font file was found and the built-in bitmap font is used.
bool apply_style(Ui& ui, float scale);

/// A sentence in the middle of an otherwise empty panel.
void say_why_empty(const char* text);
/// One line, shortened in the middle with "..." to the room that is left.
void text_shortened(const std::string& text);

/// Opens a tooltip beside `avoid` (screen pixels), inside the window; close with `ImGui::EndTooltip()`.
void begin_tooltip_beside(const Ui& ui, const Box& avoid);

}  // namespace llsa::viewer

#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "viewer/draw/ui.hpp"

namespace llsa::viewer {

/// What happened in a plane during this frame.
struct PlaneInput {
  std::optional<Point> cursor;  ///< in world units, while the mouse is over the plane
  bool clicked = false;         ///< the left button was let go without a drag
  bool right_clicked = false;
};

/// An area of a panel seen through a camera: zooms to the cursor, pans, fits. Between `begin` and `end` drawing is
/// clipped to it and `camera` turns world into screen.
class Plane {
 public:
  /// `below` pixels stay free under the area (a colour bar, text). `axes`: which axes zoom.
  Plane(Ui& ui, PlaneCamera& camera, const char* id, const Box& world, bool square, float below = 0,
        Point axes = {1, 1});
  ~Plane();
  Plane(const Plane&) = delete;
  Plane& operator=(const Plane&) = delete;

  const PlaneInput& input() const { return input_; }
  const Camera& camera() const { return camera_; }
  ImDrawList& list() const { return *list_; }

  void image(const Texture& texture, const Box& world, double opacity = 1);
  void fill(const CellShape& region, ImU32 color);
  /// A line of `width` pixels along the region's border, with a contrasting rim so that it shows on any picture.
  void outline(const CellShape& region, ImU32 color, float width, bool rim = true);
  void frame(const Box& world, ImU32 color, float width);
  /// The query: a ring that keeps its size, light with a dark rim.
  void marker(Point world);
  /// The numbers of cells that are large enough on the screen.
  void numbers(const GridLayout& layout, const std::function<std::string(std::int64_t)>& text);
  void label(Point world, const std::string& text, ImU32 color);

 private:
  Ui& ui_;
  Camera camera_;
  PlaneInput input_;
  ImDrawList* list_;
};

/// A horizontal colour bar with numbers, as wide as the panel; returns nothing, hovering shows the value.
void draw_color_bar(Ui& ui, const ColorScale& scale, const std::string& unit);
inline constexpr float color_bar_height = 38;  ///< points

}  // namespace llsa::viewer

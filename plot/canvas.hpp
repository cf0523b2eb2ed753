#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plot/color.hpp"
#include "plot/pixels.hpp"

namespace llsa::plot {

/// A place or a displacement, y downwards.
struct Point {
  double x = 0, y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

struct Rect {
  double x = 0, y = 0, width = 0, height = 0;
  double right() const { return x + width; }
  double bottom() const { return y + height; }
  Point center() const { return {x + width / 2, y + height / 2}; }
  Rect inset(double margin) const { return {x + margin, y + margin, width - 2 * margin, height - 2 * margin}; }
};

struct Stroke {
  Color color = ink;
  double width = 1;
  std::vector<double> dashes = {};  ///< lengths on, off, on, ...; empty is a solid line
};

/// Which point of the text its position names. `middle` of a line of text is the middle of its capitals.
enum class HAlign { left, center, right };
enum class VAlign { top, middle, baseline, bottom };

struct TextStyle {
  double size = 11;
  bool bold = false;
  Color color = ink;
  HAlign horizontal = HAlign::left;
  VAlign vertical = VAlign::baseline;
  bool upwards = false;  ///< rotated by a quarter turn, reading from bottom to top
};

/// What the neutral colours (ink, faint_ink, grid_line, white) become: themselves, or their counterparts on a dark
/// ground.
enum class Theme { light, dark };

/// A drawing, recorded once and written as PNG at any scale or as SVG, so that all formats show the same scene.
/// Units are points: one pixel at scale 1; x grows to the right, y downwards. Text is set in DejaVu Sans.
/// Not for use from several threads at once.
class Canvas {
 public:
  /// Extents in points, each in 1..16384. Throws `Error` otherwise.
  Canvas(double width, double height, Color background = white, Theme theme = Theme::light);
  ~Canvas();
  Canvas(Canvas&&) noexcept;
  Canvas& operator=(Canvas&&) noexcept;

  double width() const;
  double height() const;
  Rect area() const { return {0, 0, width(), height()}; }

  void fill(const Rect& rect, const Color& color);
  void stroke(const Rect& rect, const Stroke& stroke);
  void line(Point from, Point to, const Stroke& stroke);
  void polyline(std::span<const Point> points, const Stroke& stroke);
  /// Closed contours, filled by the even-odd rule (so holes are holes) and stroked along every contour.
  void fill(std::span<const std::vector<Point>> contours, const Color& color);
  void stroke(std::span<const std::vector<Point>> contours, const Stroke& stroke);
  void circle(Point center, double radius, const Color& color);
  void ring(Point center, double radius, const Stroke& stroke);
  /// Stretches the picture over `rect`; enlarged pixels stay sharp squares, reduced ones are averaged.
  void image(const Image& image, const Rect& rect);

  /// One line of UTF-8 text at `at`.
  void text(std::string_view line, Point at, const TextStyle& style = {});
  double text_width(std::string_view line, const TextStyle& style = {}) const;

  /// Drawing until the matching `end_clip` shows inside `rect` only.
  void begin_clip(const Rect& rect);
  void end_clip();

  /// The scene in pixels, `scale` pixels a point (0.1 to 16; `Error` otherwise).
  Image render(double scale = 1) const;
  /// Writes a file, as PNG, SVG or the scene by the path's ending (any letter case); never leaves a partial one.
  /// `scale` is for PNG. Throws `Error` for another ending or when the file cannot be written.
  void save(const std::filesystem::path& path, double scale = 1) const;
  std::string png(double scale = 1) const;
  std::string svg() const;
  /// What was drawn, a call a line, places to a tenth of a point: for tests that hold a figure against a kept one.
  std::string scene() const;

 private:
  struct Recording;
  std::unique_ptr<Recording> recording_;
};

/// Throws `Error` unless `path` ends in .png or .svg: for programs that check before long work.
void require_picture_path(const std::filesystem::path& path);

}  // namespace llsa::plot

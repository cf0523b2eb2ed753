#include <array>
#include <cmath>

#include "datasets/canvas.hpp"
#include "datasets/procedural.hpp"

namespace llsa::datasets {
namespace {

/// All that is random about one picture. Lengths are in units of the picture's shorter side.
struct Scene {
  Paint figure, ground;
  double center_x = 0.5, center_y = 0.5;
  double size = 0.3;            ///< half the figure's extent, or one period of a texture
  double cosine = 1, sine = 0;  ///< direction
};

/// A scene and a point relative to its centre, in the rotated frame; the share of the figure's colour there.
using Coverage = double (*)(const Scene&, double x, double y);

double fraction(double x) { return x - std::floor(x); }
double inside(bool condition) { return condition ? 1.0 : 0.0; }

double circle(const Scene& s, double x, double y) { return inside(x * x + y * y < s.size * s.size); }
double square(const Scene& s, double x, double y) { return inside(std::max(std::abs(x), std::abs(y)) < 0.88 * s.size); }
double triangle(const Scene& s, double x, double y) {
  // Equilateral, tip up: as wide at the height y below the tip as 2 / sqrt(3) of it.
  const double below_tip = y + 1.1 * s.size;
  return inside(y < 0.8 * s.size && std::abs(x) < below_tip / std::sqrt(3.0));
}
double cross(const Scene& s, double x, double y) {
  const double a = std::abs(x), b = std::abs(y);
  return inside(std::max(a, b) < 1.1 * s.size && std::min(a, b) < 0.36 * s.size);
}
double ring(const Scene& s, double x, double y) {
  const double r = std::sqrt(x * x + y * y);
  return inside(r < 1.1 * s.size && r > 0.62 * s.size);
}
double stripes(const Scene& s, double x, double) { return inside(fraction(x / s.size) < 0.5); }
double checkers(const Scene& s, double x, double y) {
  return inside((fraction(x / (2 * s.size)) < 0.5) != (fraction(y / (2 * s.size)) < 0.5));
}
double dots(const Scene& s, double x, double y) {
  const double dx = fraction(x / s.size) - 0.5, dy = fraction(y / s.size) - 0.5;
  return inside(dx * dx + dy * dy < 0.33 * 0.33);
}
double gradient(const Scene& s, double x, double) { return std::clamp(0.5 + x / (4 * s.size), 0.0, 1.0); }
double glow(const Scene& s, double x, double y) { return smooth(1 - std::sqrt(x * x + y * y) / (2 * s.size)); }

struct Range {
  double low, high;
};

struct Kind {
  std::string_view name;
  Coverage coverage;
  Range size;
  double wander;  ///< how far the centre may lie from the picture's
  double turn;    ///< tangent of half the largest rotation; 1 is a quarter turn either way
};

constexpr std::array kinds{
    Kind{"circle", circle, {0.20, 0.36}, 0.16, 0},       Kind{"square", square, {0.20, 0.36}, 0.16, 0.15},
    Kind{"triangle", triangle, {0.24, 0.38}, 0.12, 0.1}, Kind{"cross", cross, {0.24, 0.36}, 0.12, 0.1},
    Kind{"ring", ring, {0.24, 0.38}, 0.12, 0},           Kind{"stripes", stripes, {0.22, 0.40}, 0.5, 1},
    Kind{"checkers", checkers, {0.16, 0.28}, 0.5, 0.2},  Kind{"dots", dots, {0.24, 0.36}, 0.5, 0.2},
    Kind{"gradient", gradient, {0.22, 0.40}, 0.1, 1},    Kind{"glow", glow, {0.22, 0.40}, 0.2, 0}};

Scene random_scene(const Kind& kind, Random& random) {
  Scene s;
  const double hue = random.unit(), other = hue + random.range(0.3, 0.7);
  // Always a bright colour and a dark or a pale one, so that figure and ground can be told apart in grey too.
  const auto random_color = [&random](double h, Range saturation, Range value) {
    // Named first: the order in which arguments are evaluated differs from compiler to compiler.
    const double drawn = random.range(saturation.low, saturation.high);
    return hsv(h, drawn, random.range(value.low, value.high));
  };
  const Paint bright = random_color(hue, {0.65, 1.0}, {0.85, 1.0});
  const Paint dark = random_color(other, {0.5, 0.9}, {0.1, 0.35});
  const Paint strong = random_color(hue, {0.75, 1.0}, {0.35, 0.65});
  const Paint pale = random_color(other, {0.05, 0.25}, {0.9, 1.0});
  const bool on_dark = random.flip();
  s.figure = on_dark ? bright : strong;
  s.ground = on_dark ? dark : pale;
  s.size = random.range(kind.size.low, kind.size.high);
  s.center_x = 0.5 + random.range(-kind.wander, kind.wander);
  s.center_y = 0.5 + random.range(-kind.wander, kind.wander);
  // A direction without sine and cosine, which libraries round differently.
  const double t = random.range(-kind.turn, kind.turn), side = kind.turn == 1 && random.flip() ? -1 : 1;
  s.cosine = side * (1 - t * t) / (1 + t * t);
  s.sine = side * 2 * t / (1 + t * t);
  return s;
}

}  // namespace

std::span<const std::string_view> shape_classes() {
  static constexpr auto names = [] {
    std::array<std::string_view, kinds.size()> result;
    for (std::size_t i = 0; i < kinds.size(); ++i) result[i] = kinds[i].name;
    return result;
  }();
  return names;
}

int shape_label(std::uint64_t index) { return static_cast<int>(index % kinds.size()); }

files::Image shape_picture(const files::PictureExtent& extent, std::uint64_t seed, std::uint64_t index) {
  const int width = static_cast<int>(extent.width), height = static_cast<int>(extent.height);
  files::Image{width, height};  // throws before the extents are divided by each other
  const Kind& kind = kinds[static_cast<std::size_t>(shape_label(index))];
  Random random(mix(seed, index));
  const Scene s = random_scene(kind, random);
  // Lengths are in units of the shorter side; `render` counts in heights.
  const double side = static_cast<double>(extent.shorter_side()), unit = height / side;
  const double center_x = s.center_x + (width / side - 1) / 2, center_y = s.center_y + (height / side - 1) / 2;
  return render(width, height, 4, [&](double px, double py) {
    const double x = px * unit - center_x, y = py * unit - center_y;
    return blend(s.ground, s.figure, kind.coverage(s, x * s.cosine + y * s.sine, y * s.cosine - x * s.sine));
  });
}

}  // namespace llsa::datasets

#pragma once

#include <cstdint>

namespace llsa::plot {

/// An opaque sRGB colour, 8 bits a channel: what pictures and textures hold.
struct Rgb {
  std::uint8_t r = 0, g = 0, b = 0;
  friend bool operator==(const Rgb&, const Rgb&) = default;
};

/// 0xRRGGBB, as colours are usually written.
constexpr Rgb rgb(std::uint32_t hex) {
  return {static_cast<std::uint8_t>(hex >> 16), static_cast<std::uint8_t>(hex >> 8), static_cast<std::uint8_t>(hex)};
}

/// What drawing takes: sRGB with an opacity, all in [0, 1]. Every Rgb is an opaque Color.
struct Color {
  double r = 0, g = 0, b = 0, a = 1;
  constexpr Color() = default;
  constexpr Color(double r_, double g_, double b_, double a_ = 1) : r(r_), g(g_), b(b_), a(a_) {}
  constexpr Color(Rgb c) : r(c.r / 255.0), g(c.g / 255.0), b(c.b / 255.0) {}
  friend bool operator==(const Color&, const Color&) = default;
  constexpr Color with_alpha(double alpha) const { return {r, g, b, alpha}; }
};

inline constexpr Color black{0, 0, 0}, white{1, 1, 1};
/// Text and axes: dark, and softer than black on white.
inline constexpr Color ink = rgb(0x22262b), faint_ink = rgb(0x6b727a), grid_line = rgb(0xdfe3e8);

/// Their counterparts on a dark ground.
inline constexpr Color dark_ground = rgb(0x13151a), light_ink = rgb(0xe4e7eb), faint_light_ink = rgb(0x98a2ad),
                       dark_grid_line = rgb(0x343b44);

/// Six colours that stay apart for colour-blind readers, for series and levels; `index` wraps around.
constexpr Rgb category_color(int index) {
  constexpr Rgb colors[] = {rgb(0xd1495b), rgb(0x0077b6), rgb(0xedae49), rgb(0x2a9d8f), rgb(0x7b4ea3), rgb(0x5c677d)};
  constexpr int count = sizeof(colors) / sizeof(colors[0]);
  return colors[((index % count) + count) % count];
}

}  // namespace llsa::plot

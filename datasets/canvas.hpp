#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "datasets/random.hpp"
#include "files/image.hpp"

/// What the generated pictures are made of. Only operations that IEEE 754 rounds exactly are used (+ - * / sqrt floor),
/// and the files that include this are compiled without fused multiply-adds: equal bytes on every platform.
namespace llsa::datasets {

/// Red, green, blue from 0 to 1, as stored (not linear light).
struct Paint {
  double r = 0, g = 0, b = 0;
  friend Paint operator+(Paint u, Paint v) { return {u.r + v.r, u.g + v.g, u.b + v.b}; }
  friend Paint operator*(Paint u, double s) { return {u.r * s, u.g * s, u.b * s}; }
};

inline Paint blend(Paint a, Paint b, double t) { return a * (1 - t) + b * t; }
inline Paint rgb(int hex) {
  return Paint{double(hex >> 16 & 255), double(hex >> 8 & 255), double(hex & 255)} * (1.0 / 255);
}

/// Hue from 0 to 1 around the circle, saturation and value from 0 to 1.
inline Paint hsv(double hue, double saturation, double value) {
  const auto channel = [&](double shift) {
    const double h = hue + shift - std::floor(hue + shift);
    return value * (1 - saturation * (1 - std::clamp(std::abs(h * 6 - 3) - 1, 0.0, 1.0)));
  };
  return {channel(0), channel(2.0 / 3), channel(1.0 / 3)};
}

inline double smooth(double t) {
  t = std::clamp(t, 0.0, 1.0);
  return t * t * (3 - 2 * t);
}
/// From 0 at `low` to 1 at `high`, smoothly.
inline double ramp(double low, double high, double x) { return smooth((x - low) / (high - low)); }

/// Smooth random values in [0, 1) that vary over about one unit of length.
inline double value_noise(double x, double y, std::uint64_t seed) {
  const double fx = std::floor(x), fy = std::floor(y);
  const auto corner = [&](int dx, int dy) {
    const auto cell_x = static_cast<std::uint64_t>(static_cast<std::int64_t>(fx) + dx);
    const auto cell_y = static_cast<std::uint64_t>(static_cast<std::int64_t>(fy) + dy);
    return to_unit(mix(mix(seed, cell_x), cell_y));
  };
  const double u = smooth(x - fx), v = smooth(y - fy);
  const double upper = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * u;
  const double lower = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * u;
  return upper + (lower - upper) * v;
}

/// Octaves of noise, each at twice the frequency and half the height; in [0, 1).
inline double fractal_noise(double x, double y, int octaves, std::uint64_t seed) {
  double sum = 0, weight = 0.5;
  for (int i = 0; i < octaves; ++i, weight /= 2, x *= 2, y *= 2)
    sum += weight * value_noise(x, y, seed + static_cast<std::uint64_t>(i));
  return sum / (1 - 2 * weight);
}

/// Each pixel is the mean of `samples` x `samples` points of `scene(x, y)`, where y runs from 0 to 1 downwards and x
/// from 0 to width / height.
template <class Scene>
files::Image render(int width, int height, int samples, const Scene& scene) {
  files::Image image(width, height);
  const double step = 1.0 / (static_cast<double>(height) * samples), share = 1.0 / (samples * samples);
  const auto to_byte = [](double v) {
    return static_cast<std::uint8_t>(std::clamp(std::floor(v * 255 + 0.5), 0.0, 255.0));
  };
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      Paint sum;
      for (int j = 0; j < samples; ++j)
        for (int i = 0; i < samples; ++i)
          sum = sum + scene((x * samples + i + 0.5) * step, (y * samples + j + 0.5) * step);
      std::uint8_t* pixel = image.pixel(x, y);
      pixel[0] = to_byte(sum.r * share);
      pixel[1] = to_byte(sum.g * share);
      pixel[2] = to_byte(sum.b * share);
    }
  return image;
}

}  // namespace llsa::datasets

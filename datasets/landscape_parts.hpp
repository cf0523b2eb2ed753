#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "datasets/canvas.hpp"

/// What `landscape_picture.cpp` builds its scenes of. Compiled as canvas.hpp says.
namespace llsa::datasets {

/// Colours of one hour: the sky, the sun or moon, clouds, and by what light multiplies everything below.
struct Hour {
  Paint zenith, low_sky, disc, cloud, shade, light;
};
inline Paint tone(double r, double g, double b) { return {r, g, b}; }
inline const Hour noon{rgb(0x2f74c8), rgb(0xcbe5f6), rgb(0xfff8dc), rgb(0xffffff), rgb(0xa9bfd9), tone(1, 1, 1)};
inline const Hour morning{rgb(0x6a9bc9), rgb(0xfbe3c0), rgb(0xfffbe8),
                          rgb(0xfff3e2), rgb(0xc7b9c4), tone(1.0, 0.95, 0.87)};
inline const Hour evening{rgb(0x3b4a8c), rgb(0xf79a5b), rgb(0xffe38f),
                          rgb(0xffb98e), rgb(0x8a6590), tone(0.9, 0.66, 0.58)};
inline const Hour night{rgb(0x0b1438), rgb(0x2c4573), rgb(0xf6f3dc),
                        rgb(0x4a5c85), rgb(0x222d52), tone(0.26, 0.33, 0.5)};

/// A whole number, of either sign, as part of a key.
inline std::uint64_t cell_number(double whole) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(whole)); }

inline Paint lit(Paint a, Paint b) { return {a.r * b.r, a.g * b.g, a.b * b.b}; }

/// A height over the picture's width, tabulated once: ridges, edges and shores.
class Outline {
 public:
  template <class Height>
  explicit Outline(const Height& height) {
    for (std::size_t i = 0; i < heights_.size(); ++i) heights_[i] = height(static_cast<double>(i) / cells);
  }
  Outline() = default;
  double operator()(double x) const {
    const double at = std::clamp(x, 0.0, 1.0) * cells, cell = std::min(std::floor(at), cells - 1.0);
    const auto i = static_cast<std::size_t>(cell);
    return heights_[i] + (heights_[i + 1] - heights_[i]) * (at - cell);
  }
  /// How much it rises from left to right over some width; positive where it runs downwards.
  double slope(double x) const { return ((*this)(x + 0.02) - (*this)(x - 0.02)) / 0.04; }

 private:
  static constexpr int cells = 192;
  std::array<double, cells + 1> heights_{};
};

}  // namespace llsa::datasets

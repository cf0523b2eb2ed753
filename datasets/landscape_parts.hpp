#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "datasets/canvas.hpp"

/// What the landscapes are built of: the large picture and those of the data set. Compiled as canvas.hpp says.
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

/// What can be seen of a world, from left to right, in heights of a picture.
struct Breadth {
  double left = 0, right = 1;
};

/// A height over a breadth, tabulated once: ridges, edges and shores.
class Outline {
 public:
  template <class Height>
  Outline(Breadth breadth, const Height& height)
      : breadth_(breadth), first_(std::floor(breadth.left * cells)), last_(std::ceil(breadth.right * cells)) {
    for (double cell = first_; cell <= last_; ++cell) heights_.push_back(height(cell / cells));
  }
  Outline() = default;
  double operator()(double x) const {
    const double at = std::clamp(x, breadth_.left, breadth_.right) * cells,
                 cell = std::min(std::floor(at), last_ - 1.0);
    const auto i = static_cast<std::size_t>(cell - first_);
    return heights_[i] + (heights_[i + 1] - heights_[i]) * (at - cell);
  }
  /// How much it rises from left to right over some width; positive where it runs downwards.
  double slope(double x) const { return ((*this)(x + 0.02) - (*this)(x - 0.02)) / 0.04; }

 private:
  static constexpr double cells = 192;
  Breadth breadth_;
  double first_ = 0, last_ = 0;
  std::vector<double> heights_;
};

/// How one kind of conifer looks. Lengths are in units of its height.
struct Conifer {
  double trunk = 0, trunk_half = 0, half = 0;  ///< height and half width of the trunk, half width of the lowest tier
  Paint dark, bright;                          ///< needles, between which the tree's tint lies
};

/// Paints the point `u` beside the foot's middle and `v` above it; false where there is no tree.
inline bool paint_conifer(const Conifer& look, double tint, double u, double v, Paint& color) {
  if (v < look.trunk) {
    color = rgb(0x5a4130);
    return std::abs(u) < look.trunk_half;
  }
  // Three tiers, each a triangle whose foot overlaps the one below.
  const double up = (v - look.trunk) / (1 - look.trunk), tier = std::min(2.0, std::floor(up * 3)),
               within = up * 3 - tier;
  if (std::abs(u) > (look.half - 0.07 * tier) * (1 - within * (tier < 2 ? 0.6 : 1))) return false;
  const Paint needles = blend(look.dark, look.bright, tint);
  color = blend(needles * 0.7, needles * 1.2, smooth(0.25 + 0.6 * within + u));
  return true;
}

/// How one kind of house looks, in units of its height.
struct House {
  Paint eaves, ridge, wall, other_wall, glass;  ///< the roof from below upwards; walls, between which the tint lies
  double opening = 0;                           ///< half width of door and windows
  double shade = 1;                             ///< of the wall away from the light
};

/// The same for a house.
inline bool paint_house(const House& look, double tint, double u, double v, Paint& color) {
  if (v > 0.5) {
    color = blend(look.eaves, look.ridge, (v - 0.5) * 2);
    return std::abs(u) < 0.75 * (1 - (v - 0.5) / 0.5) + 0.05;
  }
  if (std::abs(u) > 0.62) return false;
  const bool door = std::abs(u) < look.opening && v < 0.32;
  const bool window = std::abs(std::abs(u) - 0.36) < look.opening && std::abs(v - 0.28) < look.opening;
  const Paint wall = blend(look.wall, look.other_wall, tint);
  color = door ? rgb(0x6b4a2f) : window ? look.glass : u > 0 ? wall : wall * look.shade;
  return true;
}

}  // namespace llsa::datasets

#pragma once

#include <algorithm>
#include <cmath>

#include "datasets/landscape_parts.hpp"

/// What stands in the landscapes of the data set, and swims. Compiled as canvas.hpp says. Every painter takes the point
/// `u` beside the foot's middle and `v` above it, in heights of the thing, and answers false where the thing is not.
namespace llsa::datasets {

/// y runs downwards; `foot` is where it stands.
struct Thing {
  enum class Kind { conifer, crown, house, boat, cactus } kind = Kind::conifer;
  double x = 0, foot = 0, height = 0;
  double tint = 0;  ///< varies the colour, 0 to 1
};

inline bool paint_fir(double tint, bool snowy, double u, double v, Paint& color) {
  const Conifer look{0.12, 0.05, 0.29, rgb(0x1d4a33), rgb(0x3c7442)};
  if (!paint_conifer(look, tint, u, v, color)) return false;
  if (!snowy || v < look.trunk) return true;
  const double up = (v - look.trunk) / (1 - look.trunk) * 3;
  color = blend(color, rgb(0xf2f7fc), smooth(1.5 * (up - std::min(2.0, std::floor(up)))));  // snow on every tier
  return true;
}

/// A tree with a round crown; bare under snow where there is no `foliage`.
inline bool paint_crown(const Paint* foliage, double u, double v, Paint& color) {
  const double dx = u / 0.34, dy = (v - 0.64) / 0.36, from_middle = dx * dx + dy * dy;
  if (from_middle > 1) {
    color = rgb(0x5f4632);
    return v < 0.4 && std::abs(u) < 0.05;
  }
  color = foliage == nullptr ? blend(rgb(0x7a6a5c), rgb(0xe6edf3), smooth(v))
                             : blend(*foliage * 0.65, *foliage * 1.15, smooth(0.5 + 0.5 * dy - 0.3 * dx));
  return true;
}

inline bool paint_boat(double tint, double u, double v, Paint& color) {
  if (v < 0.2) {
    color = blend(rgb(0x7a2f2a), rgb(0x2f4a7a), tint < 0.5 ? 0 : 1);
    return std::abs(u) < 0.3 + 0.6 * v;
  }
  color = u < 0 ? rgb(0xfdfaf2) : rgb(0xe6e0d2);
  return std::abs(u + 0.03) > 0.015 && (u < 0 ? -u < 0.36 * (1 - v) : u < 0.26 * (1 - v));
}

/// A stem and two arms that bend upwards, at heights of its own.
inline bool paint_cactus(double tint, double u, double v, Paint& color) {
  const double left = 0.3 + 0.2 * tint, right = 0.5 - 0.2 * tint;
  const auto arm = [](double across, double above) {
    return (across > 0 && across < 0.3 && above > 0 && above < 0.13) ||
           (across > 0.18 && across < 0.3 && above > 0 && above < 0.32);
  };
  if (std::abs(u) > 0.09 && !arm(-u, v - left) && !arm(u, v - right)) return false;
  color = blend(rgb(0x2f6b3d), rgb(0x6fa25a), smooth(0.5 - 2.5 * u));
  return true;
}

}  // namespace llsa::datasets

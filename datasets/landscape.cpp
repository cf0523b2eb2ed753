#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "datasets/landscape_parts.hpp"
#include "datasets/procedural.hpp"

namespace llsa::datasets {
namespace {

constexpr double horizon = 0.47;

/// What stands on the ground. Lengths are in units of the picture's height; y runs downwards.
struct Thing {
  enum class Kind { conifer, house } kind = Kind::conifer;
  double x = 0, foot = 0, height = 0;
  double tint = 0;  ///< varies the colour, 0 to 1
};

/// Colours of one hour of the day.
struct Light {
  Paint zenith, low_sky, sun, cloud, shade;
};

const std::array hours{Light{rgb(0x2f6fc4), rgb(0xcfe6f5), rgb(0xfff6d0), rgb(0xffffff), rgb(0x9db8d6)},
                       Light{rgb(0x3a4f94), rgb(0xf6b98a), rgb(0xffe9a8), rgb(0xffd9c0), rgb(0xa58fb5)},
                       Light{rgb(0x4a8fb5), rgb(0xf3e3bd), rgb(0xfffbe6), rgb(0xfdf6ea), rgb(0xa9bfc0)}};

class Landscape {
 public:
  Landscape(double width, std::uint64_t seed) : seed_(mix(seed)), width_(width) {
    Random random(seed_);
    light_ = hours[random.bits() % hours.size()];
    sun_x_ = width * random.range(0.15, 0.85);
    sun_y_ = random.range(0.1, 0.22);
    lake_x_ = width * random.range(0.25, 0.75);
    lake_y_ = random.range(0.62, 0.65);
    village_x_ = lake_x_ + width * (lake_x_ < width / 2 ? 0.37 : -0.37);
    vanishing_x_ = width * random.range(0.3, 0.7);
    place_houses(random);
    place_conifers(random);
    std::ranges::stable_sort(things_, std::ranges::greater{}, &Thing::foot);
  }

  Paint operator()(double x, double y) const {
    Paint color;
    for (const Thing& thing : things_)  // the nearest first
      if (paint(thing, x, y, color)) return color;
    if (fence(x, y, color)) return color;
    if (y < hill_ridge(x)) return distance(x, y);
    if (y < meadow_edge(x)) return hill(x, y);
    return in_lake(x, y) ? lake(x, y) : meadow(x, y);
  }

 private:
  double noise(double x, double y, int octaves, std::uint64_t stream) const {
    return fractal_noise(x, y, octaves, mix(seed_, stream));
  }

  void place_houses(Random& random) {
    for (int i = 0; i < 4; ++i)
      things_.push_back({Thing::Kind::house, village_x_ + 0.13 * (i - 1.5) + random.range(-0.02, 0.02),
                         random.range(0.64, 0.72), 0.085, random.unit()});
  }

  /// Small ones far away, large ones near, none that hides the lake or the village.
  void place_conifers(Random& random) {
    for (int i = 0; i < 64; ++i) {
      const double depth = random.unit(), x = width_ * random.range(-0.02, 1.02);
      const double foot = 0.56 + 0.4 * depth * depth, height = (foot - horizon) * random.range(0.45, 0.65) + 0.02;
      const auto hides = [&](double place, double reach, double y) {
        return std::abs(x - place) < reach + 0.25 * height && foot - height < y && foot > y - 0.05;
      };
      if (!in_lake(x, foot) && !hides(lake_x_, 0.2, lake_y_ + 0.05) && !hides(village_x_, 0.24, 0.7))
        things_.push_back({Thing::Kind::conifer, x, foot, height, random.unit()});
    }
  }

  double mountain_ridge(double x) const { return 0.44 - 0.26 * noise(x * 2.2 + 7, 0.5, 6, 1) * ramp(-0.3, 0.5, x); }
  double hill_ridge(double x) const { return 0.53 - 0.12 * noise(x * 2.5 + 3, 0.5, 4, 2); }
  double meadow_edge(double x) const { return 0.575 - 0.06 * noise(x * 1.7 + 5, 0.5, 3, 3); }

  Paint sky(double x, double y) const {
    Paint color = blend(light_.zenith, light_.low_sky, smooth(y / horizon));
    const double dx = x - sun_x_, dy = y - sun_y_, from_sun = std::sqrt(dx * dx + dy * dy);
    color = blend(color, light_.sun, 0.75 / (1 + 60 * from_sun * from_sun));
    if (from_sun < 0.045) color = light_.sun;
    const double density = noise(x * 3 + 11, y * 9, 5, 4);
    return blend(color, blend(light_.shade, light_.cloud, ramp(0.5, 0.68, density)), 0.9 * ramp(0.5, 0.62, density));
  }

  /// Sky and, in front of it, mountains with snow.
  Paint distance(double x, double y) const {
    const double ridge = mountain_ridge(x);
    if (y < ridge) return sky(x, y);
    const double rock = noise(x * 14, y * 22, 4, 5), below = y - ridge;
    const Paint stone = blend(rgb(0x55607f), rgb(0x8791ab), rock);
    const double snow = ramp(0.02, -0.02, below - 0.06 + 0.25 * (ridge - 0.28) + 0.1 * (rock - 0.5));
    return blend(blend(stone, rgb(0xf4f7fb), snow), light_.low_sky, 0.15 + 0.5 * smooth(below / 0.25));
  }

  /// Wooded hills: rows of round crowns, the nearer before the farther, each lit from above.
  Paint hill(double x, double y) const {
    constexpr double rows = 60, across = 40;
    const double last = std::floor(y * rows);
    for (double row = last + 1; row >= last - 1; --row) {
      const auto line = mix(mix(seed_, 6), static_cast<std::uint64_t>(row));
      const double u = x * across + to_unit(line), cell = std::floor(u);
      const auto tree = mix(line, static_cast<std::uint64_t>(static_cast<std::int64_t>(cell) + 4096));
      const double dx = u - cell - 0.5, dy = (y * rows - row - 0.7 * to_unit(mix(tree))) / 1.1;
      if (dx * dx + dy * dy > 0.42) continue;
      const Paint crown = blend(rgb(0x2f5d3a), rgb(0x6b9447), to_unit(tree));
      return blend(blend(crown * 1.15, rgb(0x1d3b30), smooth(dy + 0.5)), light_.low_sky, 0.18);
    }
    return blend(rgb(0x1d3b30), light_.low_sky, 0.18);
  }

  bool in_lake(double x, double y) const {
    const double u = (x - lake_x_) / 0.3, v = (y - lake_y_) / 0.06;
    return u * u + v * v + 0.5 * (noise(x * 9, y * 30, 3, 7) - 0.5) < 1;
  }

  /// The far shore upside down, with ripples.
  Paint lake(double x, double y) const {
    const double ripple = noise(x * 12, y * 160, 2, 8) - 0.5, mirrored = 2 * (lake_y_ - 0.065) - y + 0.03 * ripple;
    const Paint reflected = mirrored < hill_ridge(x) ? distance(x, mirrored - 0.12) : hill(x, mirrored);
    return blend(blend(reflected, rgb(0x2b5d7d), 0.4), rgb(0xffffff), 0.3 * ramp(0.2, 0.45, ripple));
  }

  /// Fields in perspective: strips that meet in one point of the horizon, ploughed along it.
  Paint meadow(double x, double y) const {
    constexpr std::array<int, 4> crops{0x7fae4c, 0xc9b458, 0x5f9648, 0xa3b650};
    const double depth = y - horizon, along = (x - vanishing_x_) / depth;
    const double strip = std::floor(along * 0.9 + 0.35 * (noise(1 / depth * 0.4, 0.5, 2, 9) - 0.5));
    const auto crop = static_cast<std::uint64_t>(static_cast<std::int64_t>(strip) + 4096);
    const Paint base = rgb(crops[mix(mix(seed_, 10), crop) % crops.size()]);
    const double furrow = along * 9 - std::floor(along * 9);
    const double grass = noise(x * 70, y * 110, 3, 11);
    const Paint ploughed = blend(base, base * 0.72, smooth(std::abs(furrow - 0.5) * 2));
    const Paint field = blend(ploughed * 0.85, ploughed * 1.15, grass);
    return flower(x, y) ? blend(field, rgb(crop % 2 == 0 ? 0xf2d43a : 0xe2574c), 0.9) : field;
  }

  bool flower(double x, double y) const {
    if (y < 0.8) return false;
    const double u = x * 26, v = y * 26, fu = std::floor(u), fv = std::floor(v);
    const auto cell = mix(mix(mix(seed_, 12), static_cast<std::uint64_t>(fu)), static_cast<std::uint64_t>(fv));
    if (cell % 3 != 0) return false;
    const double dx = u - fu - 0.3 - 0.4 * to_unit(mix(cell)), dy = v - fv - 0.3 - 0.4 * to_unit(mix(cell + 1));
    return dx * dx + dy * dy < 0.03;
  }

  bool fence(double x, double y, Paint& color) const {
    constexpr double top = 0.915, spacing = 0.085;
    const double u = x / spacing - std::floor(x / spacing);
    const bool post = u < 0.16 && y > top && y < top + 0.075;
    const bool rail = std::abs(y - top - 0.02) < 0.006 || std::abs(y - top - 0.047) < 0.006;
    if (!post && !rail) return false;
    color = blend(rgb(0xa98a63), rgb(0x6d5138), post ? u / 0.16 : 0.4);
    return true;
  }

  static bool paint(const Thing& thing, double x, double y, Paint& color) {
    const double u = (x - thing.x) / thing.height, v = (thing.foot - y) / thing.height;  // v runs upwards from the foot
    if (v < 0 || v > 1 || std::abs(u) > 1) return false;
    const Conifer conifer{0.14, 0.035, 0.27, rgb(0x1f4d35), rgb(0x39703f)};
    const House house{rgb(0xb5432f), rgb(0x8f3626), rgb(0xf3ead8), rgb(0xe3cfa5), rgb(0x45617a), 0.1, 0.93};
    return thing.kind == Thing::Kind::conifer ? paint_conifer(conifer, thing.tint, u, v, color)
                                              : paint_house(house, thing.tint, u, v, color);
  }

  std::uint64_t seed_;
  double width_;
  Light light_;
  double sun_x_ = 0, sun_y_ = 0, lake_x_ = 0, lake_y_ = 0, village_x_ = 0, vanishing_x_ = 0;
  std::vector<Thing> things_;
};

}  // namespace

files::Image landscape(int width, int height, std::uint64_t seed) {
  files::Image{width, height};  // throws before the extents are divided by each other
  return render(width, height, 3, Landscape(static_cast<double>(width) / height, seed));
}

}  // namespace llsa::datasets

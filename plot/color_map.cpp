#include "plot/color_map.hpp"

#include <algorithm>
#include <cmath>

#include "llsa/error.hpp"

namespace llsa::plot {
namespace {

/// Oklab: L is perceived lightness, a and b span the colours of equal lightness.
struct Oklab {
  double l = 0, a = 0, b = 0;
};

double to_linear(double c) { return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); }
double to_srgb(double c) { return c <= 0.0031308 ? 12.92 * c : 1.055 * std::pow(c, 1 / 2.4) - 0.055; }

std::uint8_t to_byte(double linear) {
  return static_cast<std::uint8_t>(std::lround(255 * to_srgb(std::clamp(linear, 0.0, 1.0))));
}

Oklab to_oklab(Rgb color) {
  const double r = to_linear(color.r / 255.0), g = to_linear(color.g / 255.0), b = to_linear(color.b / 255.0);
  const double l = std::cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const double m = std::cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const double s = std::cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return {0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
          1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
          0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

Rgb to_rgb(Oklab color) {
  const double l = std::pow(color.l + 0.3963377774 * color.a + 0.2158037573 * color.b, 3);
  const double m = std::pow(color.l - 0.1055613458 * color.a - 0.0638541728 * color.b, 3);
  const double s = std::pow(color.l - 0.0894841775 * color.a - 1.2914855480 * color.b, 3);
  return {to_byte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          to_byte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          to_byte(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

const std::vector<ColorMap>& all_maps() {
  static const std::vector<ColorMap> maps = [] {
    constexpr Rgb viridis[] = {rgb(0x440154), rgb(0x472d7b), rgb(0x3b528b), rgb(0x2c728e), rgb(0x21918c),
                               rgb(0x28ae80), rgb(0x5ec962), rgb(0xaddc30), rgb(0xfde725)};
    constexpr Rgb magma[] = {rgb(0x000004), rgb(0x1c1044), rgb(0x4f127b), rgb(0x812581), rgb(0xb5367a),
                             rgb(0xe55064), rgb(0xfb8761), rgb(0xfec287), rgb(0xfcfdbf)};
    constexpr Rgb cividis[] = {rgb(0x00224e), rgb(0x3b496c), rgb(0x707173), rgb(0xa59c74), rgb(0xfee838)};
    constexpr Rgb diverging[] = {rgb(0x16376b), rgb(0x3d76b8), rgb(0x9cc3e0), rgb(0xf4f3f1),
                                 rgb(0xf1b198), rgb(0xcb4a44), rgb(0x6f1226)};
    std::vector<ColorMap> result;
    result.emplace_back("viridis", viridis, rgb(0x9aa0a6));
    result.emplace_back("magma", magma, rgb(0x5f7f7a));
    result.emplace_back("cividis", cividis, rgb(0xb5523b));
    result.emplace_back("diverging", diverging, rgb(0x6f7d3c));
    return result;
  }();
  return maps;
}

}  // namespace

ColorMap::ColorMap(std::string name, std::span<const Rgb> anchors, Rgb missing)
    : name_(std::move(name)), missing_(missing) {
  if (anchors.size() < 2)
    throw Error("colour map " + name_ + " has " + std::to_string(anchors.size()) + " anchors; at least 2 are needed");
  std::vector<Oklab> colors;
  std::vector<double> travelled{0};  // how far lightness has moved, up or down, before each anchor
  for (const Rgb anchor : anchors) {
    colors.push_back(to_oklab(anchor));
    if (colors.size() > 1)
      travelled.push_back(travelled.back() + std::abs(colors.back().l - colors[colors.size() - 2].l));
  }
  if (!(travelled.back() > 0)) throw Error("colour map " + name_ + " has anchors of one lightness only");
  std::size_t segment = 0;
  for (int i = 0; i < size; ++i) {
    const double at = travelled.back() * i / (size - 1);
    while (segment + 2 < colors.size() && at > travelled[segment + 1]) ++segment;
    const double length = travelled[segment + 1] - travelled[segment];
    const double t = length > 0 ? std::clamp((at - travelled[segment]) / length, 0.0, 1.0) : 1;
    const Oklab &from = colors[segment], &to = colors[segment + 1];
    table_[static_cast<std::size_t>(i)] =
        to_rgb({std::lerp(from.l, to.l, t), std::lerp(from.a, to.a, t), std::lerp(from.b, to.b, t)});
  }
}

Rgb ColorMap::operator()(double position) const {
  if (std::isnan(position)) return missing_;
  return table_[static_cast<std::size_t>(std::lround(std::clamp(position, 0.0, 1.0) * (size - 1)))];
}

std::vector<std::string> color_map_names() {
  std::vector<std::string> names;
  for (const ColorMap& map : all_maps()) names.push_back(map.name());
  return names;
}

const ColorMap& color_map(std::string_view name) {
  std::string known;
  for (const ColorMap& map : all_maps()) {
    if (map.name() == name) return map;
    known += (known.empty() ? "" : ", ") + map.name();
  }
  throw Error("colour map is '" + std::string(name) + "'; it must be one of: " + known);
}

double luminance(Rgb color) {
  return 0.2126 * to_linear(color.r / 255.0) + 0.7152 * to_linear(color.g / 255.0) +
         0.0722 * to_linear(color.b / 255.0);
}

}  // namespace llsa::plot

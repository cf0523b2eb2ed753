#include "viewer/model/heat_map.hpp"

#include <algorithm>
#include <cmath>

#include "llsa/error.hpp"

namespace llsa::viewer {
namespace {

plot::ValueRange range_of(const ColorChoice& choice, std::span<const float> values, bool is_signed) {
  const bool log = choice.log && !is_signed;
  plot::RangeOptions options{.scale = log ? plot::AxisScale::log : plot::AxisScale::linear,
                             .low = is_signed ? std::nullopt : choice.low,
                             .high = choice.high,
                             .symmetric = is_signed};
  const plot::ValueRange fitted = plot::fit_range(values, options);
  constexpr double decades = 1e-6;
  if (!log || options.low || fitted.low() >= fitted.high() * decades) return fitted;
  return {fitted.high() * decades, fitted.high(), plot::AxisScale::log};
}

}  // namespace

ColorScale::ColorScale(const ColorChoice& choice, std::span<const float> values, bool is_signed)
    : map_(&plot::color_map(is_signed ? "diverging" : choice.map)) {
  try {
    range_ = range_of(choice, values, is_signed);
  } catch (const Error&) {
    range_ = range_of({.map = choice.map, .log = choice.log, .low = {}, .high = {}}, values, is_signed);
  }
}

double ColorScale::position(double value) const {
  if (std::isnan(value)) return value;
  if (range_.scale() == plot::AxisScale::log && !(value > 0)) return 0;
  return std::clamp(range_.position(value), 0.0, 1.0);
}

void ColorScale::paint(std::span<const float> values, std::vector<std::uint8_t>& rgba, std::uint8_t alpha) const {
  rgba.resize(values.size() * 4);
  std::uint8_t* out = rgba.data();
  for (const float value : values) {
    const plot::Rgb color = this->color(static_cast<double>(value));
    *out++ = color.r;
    *out++ = color.g;
    *out++ = color.b;
    *out++ = alpha;
  }
}

}  // namespace llsa::viewer

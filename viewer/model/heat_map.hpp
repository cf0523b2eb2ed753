#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "plot/color_map.hpp"
#include "plot/value_range.hpp"

namespace llsa::viewer {

/// How a panel wants its values coloured; kept in the session.
struct ColorChoice {
  std::string map = "viridis";
  bool log = false;
  std::optional<double> low, high;  ///< fixed ends; empty ends follow the data
};

/// Values to colours and back. The colour bar is drawn from `color_at` over [0, 1], so `value_at(position)` names the
/// values of exactly the colours seen.
class ColorScale {
 public:
  ColorScale() = default;
  /// `values` give the ends that `choice` leaves open; for signed data the diverging map is used, symmetric about zero
  /// and always linear. An automatic log range spans six decades at most. Contradictory fixed ends are ignored: a
  /// person typing "10" passes through "1".
  ColorScale(const ColorChoice& choice, std::span<const float> values, bool is_signed);

  const plot::ValueRange& range() const { return range_; }
  const plot::ColorMap& map() const { return *map_; }
  /// 0 at the low end, 1 at the high end, clamped; NaN for NaN. On a log scale, zero and below take the low end.
  double position(double value) const;
  double value_at(double position) const { return range_.value(position); }
  plot::Rgb color_at(double position) const { return (*map_)(position); }
  plot::Rgb color(double value) const { return (*map_)(position(value)); }
  /// RGBA, 8 bits each, for a texture; `alpha` for all.
  void paint(std::span<const float> values, std::vector<std::uint8_t>& rgba, std::uint8_t alpha = 255) const;

 private:
  const plot::ColorMap* map_ = &plot::color_map("viridis");
  plot::ValueRange range_;
};

}  // namespace llsa::viewer

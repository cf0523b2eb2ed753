#include "compare/fitted_exponent.hpp"

#include <cmath>

namespace llsa::compare {

std::optional<double> fitted_exponent(const std::vector<CostPoint>& curve) {
  double x_mean = 0, y_mean = 0, xx = 0, xy = 0;
  const auto count = static_cast<double>(curve.size());
  for (const CostPoint& point : curve) {
    x_mean += std::log(point.tokens) / count;
    y_mean += std::log(point.seconds) / count;
  }
  for (const CostPoint& point : curve) {
    const double x = std::log(point.tokens) - x_mean;
    xx += x * x;
    xy += x * (std::log(point.seconds) - y_mean);
  }
  if (!(xx > 0) || !std::isfinite(xy)) return std::nullopt;
  return xy / xx;
}

}  // namespace llsa::compare

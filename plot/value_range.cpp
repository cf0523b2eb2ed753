#include "plot/value_range.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "llsa/error.hpp"

namespace llsa::plot {

ValueRange::ValueRange(double low, double high, AxisScale scale) : low_(low), high_(high), scale_(scale) {
  if (!std::isfinite(low) || !std::isfinite(high) || !(low < high))
    throw Error("value range is " + std::to_string(low) + " to " + std::to_string(high) +
                "; both ends must be finite and the first below the second");
  if (scale == AxisScale::log && !(low > 0))
    throw Error("value range on a log scale starts at " + std::to_string(low) + "; it must be above 0");
}

double ValueRange::position(double value) const {
  if (scale_ == AxisScale::linear) return (value - low_) / (high_ - low_);
  if (!(value > 0)) return std::numeric_limits<double>::quiet_NaN();
  return std::log(value / low_) / std::log(high_ / low_);
}

double ValueRange::value(double position) const {
  if (scale_ == AxisScale::linear) return low_ + position * (high_ - low_);
  return low_ * std::pow(high_ / low_, position);
}

template <class T>
ValueRange fit_range(std::span<const T> values, const RangeOptions& options) {
  const bool log = options.scale == AxisScale::log;
  if (options.symmetric && log) throw Error("a value range cannot be symmetric about zero on a log scale");
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const T each : values) {
    const double value = static_cast<double>(each);
    if (!std::isfinite(value) || (log && !(value > 0))) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low > high) low = log ? 0.1 : 0, high = 1;
  low = options.low.value_or(low);
  high = options.high.value_or(high);
  if (options.low && options.high) return {low, high, options.scale};
  if (options.symmetric) {
    high = std::max(std::abs(low), std::abs(high));
    if (options.low) high = -*options.low;
    if (options.high) high = *options.high;
    low = -high;
  }
  if (!(low < high)) {  // one value only, or the fixed end lies beyond all the data
    if (log) {
      if (!options.low) low = high / std::sqrt(10.0);
      if (!options.high) high = low * 10;
    } else {
      const double step = std::max(std::abs(options.low ? low : high) * 0.5, 0.5);
      if (!options.low) low = high - step;
      if (!options.high) high = low + 2 * step;
    }
  }
  return {low, high, options.scale};
}

template ValueRange fit_range(std::span<const float>, const RangeOptions&);
template ValueRange fit_range(std::span<const double>, const RangeOptions&);

}  // namespace llsa::plot

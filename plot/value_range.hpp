#pragma once

#include <optional>
#include <span>

namespace llsa::plot {

enum class AxisScale { linear, log };

/// The values that an axis or a colour bar covers, `low < high`, and how they spread over it.
class ValueRange {
 public:
  ValueRange() = default;
  /// Throws `Error` unless both ends are finite, `low < high`, and `low > 0` on a log scale.
  ValueRange(double low, double high, AxisScale scale = AxisScale::linear);

  double low() const { return low_; }
  double high() const { return high_; }
  AxisScale scale() const { return scale_; }
  /// Where `value` lies: 0 at `low`, 1 at `high`, beyond that range outside it. NaN for NaN, and on a log scale for
  /// values that are not positive: those have no place on the axis.
  double position(double value) const;
  /// The inverse of `position`.
  double value(double position) const;

 private:
  double low_ = 0, high_ = 1;
  AxisScale scale_ = AxisScale::linear;
};

/// What is fixed about a range; what is left empty comes from the data.
struct RangeOptions {
  AxisScale scale = AxisScale::linear;
  std::optional<double> low = {}, high = {};
  bool symmetric = false;  ///< about zero, for diverging maps; linear only
};

/// The smallest range that holds every finite value (every positive one on a log scale), with fixed ends as asked for.
/// A range that would be empty is widened around its value; without usable values it is [0, 1], or [0.1, 1] on a log
/// scale. Throws `Error` when the fixed ends contradict each other or the scale.
template <class T>
ValueRange fit_range(std::span<const T> values, const RangeOptions& options = {});

}  // namespace llsa::plot

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "plot/value_range.hpp"

namespace llsa::plot {

/// A mark on an axis; minor ones have no label.
struct Tick {
  double value = 0;
  std::string label;
};

/// Round values within `range`, ascending, about `count` of them labelled: multiples of 1, 2 or 5 times a power of ten
/// on a linear scale; powers of ten on a log scale, with 2 and 5 (or linear steps) when the range is short, and minor
/// ticks.
std::vector<Tick> ticks(const ValueRange& range, int count = 5);

/// A number as tables and axes show it: `digits` significant ones, thousands separated, very large or small ones as
/// "3.2×10⁻⁷". Not-a-number and infinities by name.
std::string format_value(double value, int digits = 3);

/// A whole number with its thousands separated: "1,048,576".
std::string format_count(std::int64_t value);

}  // namespace llsa::plot

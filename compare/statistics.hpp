#pragma once

#include <vector>

namespace llsa::compare {

/// Of unsorted values, at least one. Quartiles interpolate between neighbours.
double median(std::vector<double> values);
struct Quartiles {
  double low = 0, median = 0, high = 0;
};
Quartiles quartiles(std::vector<double> values);

/// Mean and sample standard deviation (0 for a single value; NaN for none).
struct Spread {
  double mean = 0, deviation = 0;
};
Spread spread_of(const std::vector<double>& values);

/// The spread of a[i] - b[i].
Spread paired_difference(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace llsa::compare

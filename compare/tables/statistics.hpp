#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

namespace llsa::tables {

/// Mean and sample standard deviation (0 for a single value; NaN for none).
struct Spread {
  double mean = 0, deviation = 0;
};

inline Spread spread_of(const std::vector<double>& values) {
  double sum = 0, squares = 0;
  for (const double x : values) sum += x;
  const auto n = static_cast<double>(values.size());
  const double mean = sum / n;
  for (const double x : values) squares += (x - mean) * (x - mean);
  return {mean, values.size() > 1 ? std::sqrt(squares / (n - 1)) : 0};
}

/// The spread of a[i] - b[i].
inline Spread paired_difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  return spread_of(differences);
}

/// "0.4123 ± 0.0021".
inline std::string with_spread(const Spread& s, bool sign = false) {
  return sign ? fmt::format("{:+.4f} ± {:.4f}", s.mean, s.deviation)
              : fmt::format("{:.4f} ± {:.4f}", s.mean, s.deviation);
}

}  // namespace llsa::tables

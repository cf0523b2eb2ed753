#pragma once

#include <optional>
#include <vector>

namespace llsa::compare {

/// One point of a cost curve.
struct CostPoint {
  double tokens = 0, seconds = 0;
};

/// The p of the least-squares fit seconds = c * tokens^p (in logarithms). Empty with fewer than two different lengths.
std::optional<double> fitted_exponent(const std::vector<CostPoint>& curve);

}  // namespace llsa::compare

#pragma once

#include <string>
#include <vector>

#include "compare/problem.hpp"

namespace llsa::compare::verify {

/// Heads of Q whose sums the arithmetic may not be able to hold.
struct PrecisionLimit {
  std::vector<char> heads;  ///< `[batch * heads]`
  std::string what;         ///< which sum, how large, what the type holds; empty when none exceeds it
  bool any() const { return !what.empty(); }
};

/// Bounds every sum of spec sections 2 to 5 by the sums of sizes: means, scores, weighted values, and with gradients
/// their products with dO. `arithmetic` is f64, or f32 for everything that is summed in it.
PrecisionLimit precision_limit(const Problem<double>& problem, DType arithmetic);

}  // namespace llsa::compare::verify

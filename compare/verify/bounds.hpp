#pragma once

#include <vector>

#include "compare/verify/inferred_selection.hpp"

namespace llsa::compare::verify {

/// Elementwise limits, both ends allowed.
struct Interval {
  Tensor<double> low, high;
};

/// What holds under every selection that rounding allows, for the rows of the query blocks whose selection is open.
/// Rows of other blocks have no limits of their own (low = high = 0). Each is at least as wide as the truth: softmax
/// sums lie between those over the certain keys and over all possible ones, O is bounded by the extreme weighted means
/// that such a key set can have (within the hull of the values), gradients by interval arithmetic over both.
struct OpenBounds {
  Interval output, lse, query_gradient;
  /// What the open blocks add to dK and dV.
  Interval key_gradient, value_gradient;
};

/// `lists` holds the levels that were given (`given[l]`); the others are bounded. Spec sections 3 to 5.
OpenBounds open_bounds(const Problem<double>& problem, const ResolvedOptions& options, const LevelMeans& means,
                       const Selection& lists, const std::vector<bool>& given, const std::vector<Standing>& blocks,
                       double gap, DefinitionEvaluator& evaluator);

}  // namespace llsa::compare::verify

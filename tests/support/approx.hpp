#pragma once

#include <gtest/gtest.h>

#include <string>

#include "llsa/selection.hpp"
#include "llsa/tensor.hpp"

namespace llsa::testing {

/// A pass, or a failure with its explanation. Properties return it, so that they serve RapidCheck and plain loops
/// alike.
using Verdict = ::testing::AssertionResult;

/// The project's tolerances, one row per storage type. Each is an error relative to the problem's magnitude (see
/// `Magnitudes`) for scores of order 1; rounding a score of size S costs S times as much, which `Magnitudes` accounts
/// for.
struct Tolerance {
  double output, lse, gradient;
  double score;  ///< of a selection score, relative to |q| |k|
};
Tolerance tolerance_of(DType type);

/// Passes when the project's comparator (compare/comparator.hpp) finds the same non-finite values at the same places, and
/// elsewhere both the relative L2 error and the largest error are within `tolerance`. Errors count relative to the
/// expected element or to `magnitude`, the size of the terms that it was summed from, whichever is larger: a sum that
/// cancels is not asked to be more exact than its terms. The message names `what`, both errors and the worst coordinate.
Verdict close(const std::string& what, const Tensor<double>& actual, const Tensor<double>& expected, double tolerance,
              double magnitude);

/// Passes when the two tensors are equal bit for bit.
template <class T>
Verdict same(const std::string& what, TensorView<const T> actual, TensorView<const T> expected);

/// Passes when the lists are equal; the message names the first difference.
Verdict same(const std::string& what, const Selection& actual, const Selection& expected);

}  // namespace llsa::testing

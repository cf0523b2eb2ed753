#pragma once

#include <gtest/gtest.h>

#include <string>

#include "compare/comparator.hpp"
#include "llsa/selection.hpp"
#include "llsa/tensor.hpp"

namespace llsa::testing {

/// A pass, or a failure with its explanation. Properties return it, so that they serve RapidCheck and plain loops
/// alike.
using Verdict = ::testing::AssertionResult;

/// Passes when the ruler (compare/comparator.hpp) finds `actual` within the tolerance of `expected`. The message names
/// `what`, the measure that fails and the worst coordinate.
Verdict close(const std::string& what, const Tensor<double>& actual, const Tensor<double>& expected,
              const compare::Tolerance& tolerance, const compare::CompareOptions& how = {});

/// The same with one error for both measures, relative to the expected values or to `magnitude`, the size of the terms
/// that they were summed from.
Verdict close(const std::string& what, const Tensor<double>& actual, const Tensor<double>& expected, double error,
              double magnitude);

/// The tolerance of a result that `factor` results of the given one go into.
compare::Tolerance times(double factor, compare::Tolerance tolerance);

/// Passes when the two tensors are equal bit for bit.
template <class T>
Verdict same(const std::string& what, TensorView<const T> actual, TensorView<const T> expected);

/// Passes when the lists are equal; the message names the first difference.
Verdict same(const std::string& what, const Selection& actual, const Selection& expected);

}  // namespace llsa::testing

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "compare/tolerance.hpp"
#include "llsa/tensor.hpp"

namespace llsa::compare {

/// `[batch, head, token, dim]`.
using Coordinate = std::array<std::int64_t, 4>;
std::string describe(const Coordinate& at);

/// How two tensors differ. The measures are over the elements that are finite in both.
struct Comparison {
  std::int64_t elements = 0;
  /// Elements that are NaN, +inf or -inf on one side and something else on the other, and the first of them.
  std::int64_t nonfinite_differences = 0;
  Coordinate first_nonfinite{};
  double nonfinite_got = 0, nonfinite_want = 0;

  double relative_l2 = 0;    ///< ||got - want|| / ||want||; 0 when both are zero, infinite when only `want` is
  double cosine = 1;         ///< 1 when either is zero
  double max_error = 0;      ///< max of |got - want| / max(|want|, rms(want), floor)
  bool absolute = false;     ///< no error is divided: relative_l2 is the root mean square of got - want
  Coordinate worst{};        ///< where that is
  double got = 0, want = 0;  ///< the values there

  /// By token, `[batch, head, token]` in order: the worst error of a row; infinite where non-finite elements differ.
  std::vector<double> row_errors;
};

struct CompareOptions {
  /// What `got` is stored in: `want` is rounded to it first, so that overflow and the last place are no error.
  DType storage = DType::f64;
  /// The size below which values of this tensor are rounding noise: a result that is exactly zero by cancellation is
  /// not held to a relative error.
  double floor = 0;
  /// Absolute differences up to this count as none.
  double resolution = 0;
  /// For a dimensionless quantity, LSE: errors are differences as they are, whatever the size of `want`; the cosine
  /// stays at 1.
  bool absolute = false;
  /// One flag per token, `[batch, head, token]`: rows with 0 are left out. Empty: all rows count.
  std::vector<char> rows;
};

/// Throws `Error` when the shapes differ.
Comparison compare(TensorView<const double> got, TensorView<const double> want, const CompareOptions& options = {});

/// The same non-finite elements, and all three measures within the tolerance. NaN in a measure fails.
bool within(const Comparison& comparison, const Tolerance& tolerance);

/// One line: the first measure that fails, its value, what is allowed, and where. Empty when within.
std::string explain(const Comparison& comparison, const Tolerance& tolerance);

/// The value after rounding to a storage type and back.
double rounded_to(DType storage, double value);

/// A contiguous copy in double, for `compare`.
template <class T>
Tensor<double> in_double(TensorView<const T> view);

}  // namespace llsa::compare

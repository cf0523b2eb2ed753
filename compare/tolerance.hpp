#pragma once

#include "llsa/dtype.hpp"

namespace llsa::compare {

/// How far a right result may be from the exact one. All are relative, so that no tensor's unit matters.
struct Tolerance {
  double relative_l2;  ///< ||got - want|| / ||want||
  double cosine;       ///< 1 - <got, want> / (||got|| ||want||)
  double element;      ///< |got - want| / max(|want|, rms(want)), the worst element
  double score_gap;    ///< selections: how much worse a chosen key's score may be, in units of |Q||K|
  double resolution;   ///< absolute differences up to this (the storage type's smallest step) are none
};

/// Which column of the table: `product` judges implementations that nobody here wrote, `tests` our own.
enum class Strictness { product, tests };

/// The one table: a result stored in this type, from arithmetic that is at least as good as fp32 sums of products of
/// it. Half types have no strict column: what is allowed them in tests is derived case by case (compare/allowance.hpp).
Tolerance tolerance_of(DType storage, Strictness strictness = Strictness::product);

/// Softmax turns an absolute error of a score into a relative error of the result, and scores are rounded relative to
/// their own size: scores up to `largest_score` (after the scale) widen the value tolerances by a few units in their
/// last place. `arithmetic` is the type scores are computed in.
Tolerance widened(Tolerance tolerance, double largest_score, DType arithmetic);

}  // namespace llsa::compare

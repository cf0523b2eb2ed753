#pragma once

#include "compare/verify/diagnose.hpp"
#include "compare/verify/expectation.hpp"
#include "compare/verify/verify.hpp"

namespace llsa::compare::verify {

/// Judges one tensor of values: the same elements must be finite, errors must be within the tolerance, and must not
/// lean one way by more than rounding can (`find_leanings`). `truth` is what is right: its options and selection say
/// which rows are alike. Rows that are not finite where sums exceed what `arithmetic` (f32 or f64) holds are not
/// judged.
TensorVerdict judge_values(const Problem<double>& problem, const Suspect& suspect, const Expected& expected,
                           const Outcome<double>& truth, DType arithmetic);

}  // namespace llsa::compare::verify

#pragma once

#include "compare/verify/diagnose.hpp"
#include "compare/verify/expectation.hpp"
#include "compare/verify/verify.hpp"

namespace llsa::compare::verify {

/// Judges one tensor of values: the same elements must be finite, errors must be within the tolerance, and must not
/// lean one way by more than rounding can (`find_leanings`). Rows that are not finite where sums exceed what
/// `arithmetic` (f32 or f64) holds are not judged.
TensorVerdict judge_values(const Problem<double>& problem, const Suspect& suspect, const Expected& expected,
                           DType arithmetic, std::int64_t block_size);

}  // namespace llsa::compare::verify

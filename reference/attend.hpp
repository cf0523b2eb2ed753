#pragma once

#include "llsa/thread_pool.hpp"
#include "reference/problem.hpp"

namespace llsa::reference {

/// Attention over fine blocks and enriched coarse keys for a given selection, spec sections 4 and 6.
template <class T>
struct AttendParams {
  AttendProblem<T> problem;
  TensorView<T> output;           ///< O [batch, H, Nq, Dv], overwritten
  TensorView<Accumulate<T>> lse;  ///< natural logarithm, [batch, H, Nq, 1], overwritten
};

/// Online softmax over runs of keys, so memory beyond the arguments does not grow with N. `levels == 0` is dense
/// attention, tiled. A query head reads its key head in place (spec section 9).
template <class T>
void attend(const AttendParams<T>& params, ThreadPool& threads);

}  // namespace llsa::reference

#pragma once

#include "cuda/attend/problem.hpp"
#include "cuda/stream.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// Attention over fine blocks and enriched coarse keys for a given selection, spec sections 4 and 6.
template <class T>
struct AttendParams {
  AttendProblem<T> problem;
  T* d_output = nullptr;   ///< O [heads, Nq, Dv], overwritten
  float* d_lse = nullptr;  ///< natural logarithm, [heads, Nq], overwritten
};

/// Queues the work on `stream`; needs no workspace. Sums are fp32 in a fixed order: the same bits for any batch
/// position. Throws `Error` as `check` does; launch errors as `Error` too. Instantiated for float, half and bfloat16.
template <class T>
void attend(const AttendParams<T>& params, Stream stream);

}  // namespace llsa::cuda::inline LLSA_WORLD

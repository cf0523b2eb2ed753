#pragma once

#include "cuda/attend_backward/launch.hpp"
#include "cuda/attend_backward/statistics.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// Throws `Error` for a pointer or dimension that the backward kernels do not take; `transposed` says whether they read
/// the transposed selection.
template <class T>
void check(const char* what, const AttendBackwardParams<T>& params, bool transposed);

/// What needs no transposed selection: queues the statistics `[heads, Nq]` of the queries, then dQ.
template <class T>
void query_pass(const AttendBackwardParams<T>& params, QueryStatistics* d_statistics, Stream stream);

}  // namespace llsa::cuda::inline LLSA_WORLD

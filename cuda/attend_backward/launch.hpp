#pragma once

#include <cstddef>

#include "cuda/attend/problem.hpp"
#include "cuda/stream.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// The gradient of `attend` with the selection held constant and pooling differentiated, spec section 5.
template <class T>
struct AttendBackwardParams {
  AttendProblem<T> problem;
  const T* d_output = nullptr;                    ///< O [heads, Nq, Dv]
  const float* d_lse = nullptr;                   ///< [heads, Nq], from the forward pass
  const T* d_output_gradient = nullptr;           ///< dO [heads, Nq, Dv]
  const float* d_lse_gradient = nullptr;          ///< dLSE [heads, Nq], or null for zero
  const std::int64_t* d_offsets = nullptr;        ///< transposed selection: see `Levels`
  const std::int32_t* d_query_indices = nullptr;  ///< transposed selection: see `Levels`
  T* d_query_gradient = nullptr;                  ///< dQ [heads, Nq, D], overwritten
  T* d_key_gradient = nullptr;                    ///< dK [heads, Nk, D], overwritten
  T* d_value_gradient = nullptr;                  ///< dV [heads, Nk, Dv], overwritten
};

/// The bytes of device memory that `attend_backward` needs: linear in the tokens, whatever the options.
std::size_t attend_backward_workspace(const Levels& levels, int head_dim, int value_dim);

/// dQ is computed query-major, dK and dV key-major from the transposed selection, from the coarsest level down. A list
/// too long for one thread block is cut in parts whose sums are added in order, so results are the same bits from run
/// to run and for any batch position. `d_workspace` is a multiple of 256 bytes; its contents on entry do not matter.
/// Queues the work on `stream`. Throws `Error` as `check` does, or when the workspace is too small.
template <class T>
void attend_backward(const AttendBackwardParams<T>& params, void* d_workspace, std::size_t workspace_bytes,
                     Stream stream);

}  // namespace llsa::cuda::inline LLSA_WORLD

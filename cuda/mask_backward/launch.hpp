#pragma once

#include "cuda/attend_backward/launch.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// The bytes of device memory that `mask_backward` needs: **quadratic** in the tokens.
std::size_t mask_backward_workspace(const Levels& levels, int head_dim, int value_dim);

/// The baseline of spec section 8, for the paper's Fig. 4 only: the gradient of `attend` as in `attend_backward`, but
/// the key-major part finds its queries in a dense boolean mask, `[heads, T_l, T_l]`, which is built from the lists
/// first and scanned row by row. `d_offsets` and `d_query_indices` are not read. Everything else is as for
/// `attend_backward`.
template <class T>
void mask_backward(const AttendBackwardParams<T>& params, void* d_workspace, std::size_t workspace_bytes,
                   Stream stream);

}  // namespace llsa::cuda::inline LLSA_WORLD

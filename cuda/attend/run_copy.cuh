#pragma once

#include "cuda/attend/tensor_step.cuh"
#include "cuda/mma/cp_async.cuh"

// Runs of 16 neighbouring rows on their way from global memory to a tile in shared memory.
namespace llsa::cuda::inline LLSA_WORLD {

/// Starts copying rows `first` to `first + 15` of a [rows, row_dim] tensor to a tile of rows `tensor_pitch<dim>` apart:
/// zeros from row `count` and from column `row_dim` on. By all lanes of a warp.
template <class T, int dim>
__device__ __forceinline__ void copy_run(AsyncCopies& copies, T* to, const T* d_rows, std::int32_t first, int count,
                                         int row_dim, int lane) {
  constexpr int pitch = tensor_pitch<dim>, pieces = dim / 8, rounds = 16 * pieces / 32;
  const auto place = [lane](int i) {
    if constexpr (32 % pieces == 0) return lane / pieces * pitch + lane % pieces * 8 + i * (32 / pieces) * pitch;
    const int piece = lane + 32 * i;
    return piece / pieces * pitch + piece % pieces * 8;
  };
  if (count == 16 && row_dim == dim) {  // the rows lie one behind the other
    const T* const d_from = d_rows + std::int64_t{first} * dim + 8 * lane;
#pragma unroll
    for (int i = 0; i < rounds; ++i) copies.copy(to + place(i), d_from + 256 * i);
    return;
  }
#pragma unroll 1
  for (int i = 0; i < rounds; ++i) {
    const int piece = lane + 32 * i, row = piece / pieces, d = piece % pieces * 8;
    const bool present = row < count && d < row_dim;
    copies.copy(to + place(i), present ? d_rows + (std::int64_t{first} + row) * row_dim + d : d_rows, present);
  }
}

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include "cuda/mma/ldmatrix.cuh"

// One step of a tensor-core kernel: a warp's 16 rows against 16 neighbouring rows of a tile in shared memory.
namespace llsa::cuda::inline LLSA_WORLD {

/// Elements from one row of a tile in shared memory to the next: eight rows lie in different banks.
template <int dim>
inline constexpr int tensor_pitch = dim + 8;

/// 16 neighbouring key slots of one level, as the warp that multiplies them sees them. They hold neighbouring tokens.
struct KeyStep {
  int first;         ///< token of slot 0
  int count;         ///< keys 0..count-1 are there; rows beyond are zero
  int last;          ///< where its level's last token, with a count of its own, would be: perhaps beyond the step
  unsigned dropped;  ///< bit j: coverage drops key j for this warp's queries
  float weight, last_weight;  ///< log2 of a key's weight, and of the level's last token's

  __device__ bool whole() const { return last >= 16 && dropped == 0; }
  __device__ bool has(int j) const { return j < count && !(dropped >> j & 1u); }

  /// Turns a warp's dot products into scores in base 2 with weights, -inf for keys that are not there.
  __device__ __forceinline__ void score(FragmentC (&dots)[2], float scale, int lane) const {
    if (whole()) {
#pragma unroll
      for (int i = 0; i < 8; ++i) dots[i / 4].value[i % 4] = dots[i / 4].value[i % 4] * scale + weight;
      return;
    }
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      float& dot = dots[i / 4].value[i % 4];
      const int j = column(i, lane);
      dot = has(j) ? dot * scale + (j == last ? last_weight : weight) : -INFINITY;
    }
  }
  /// Which key element `i` of two neighbouring C fragments belongs to.
  __device__ static int column(int i, int lane) { return 8 * (i / 4) + 2 * (lane % 4) + i % 2; }
};

/// Clears the halves of a B fragment that belong to dropped tokens (rows): 0 times a NaN is not 0.
__device__ inline void clear_dropped(FragmentB& b, unsigned dropped, int lane) {
  const unsigned mine = dropped >> 2 * (lane % 4);
  for (int i = 0; i < 2; ++i) {
    const unsigned bits = mine >> 8 * i;
    b.word[i] &= (bits & 1u ? 0u : 0xffffu) | (bits & 2u ? 0u : 0xffff0000u);
  }
}

/// Dot products of a warp's 16 rows with 16 tokens of a tile in shared memory.
template <class T, int dim>
__device__ __forceinline__ void tensor_dots(FragmentC (&out)[2], const FragmentA (&rows)[dim / 16], const T* tokens,
                                            int lane) {
  out[0] = out[1] = FragmentC{};
#pragma unroll
  for (int k = 0; k < dim / 16; ++k) {
    FragmentB b[2];
    load_b_transposed(b, tokens + 16 * k, tensor_pitch<dim>, lane);
    mma<T>(out[0], rows[k], b[0]);
    mma<T>(out[1], rows[k], b[1]);
  }
}

/// Adds the sums of 16 tokens of a tile, weighted by a warp's 16 rows of weights; bits of `dropped` leave tokens out.
template <class T, int dim>
__device__ __forceinline__ void tensor_sums(FragmentC (&sums)[dim / 8], const FragmentA& weights, const T* tokens,
                                            unsigned dropped, int lane) {
#pragma unroll
  for (int n = 0; n < dim / 16; ++n) {
    FragmentB b[2];
    load_b(b, tokens + 16 * n, tensor_pitch<dim>, lane);
    if (dropped != 0) {
      clear_dropped(b[0], dropped, lane);
      clear_dropped(b[1], dropped, lane);
    }
    mma<T>(sums[2 * n], weights, b[0]);
    mma<T>(sums[2 * n + 1], weights, b[1]);
  }
}

}  // namespace llsa::cuda::inline LLSA_WORLD

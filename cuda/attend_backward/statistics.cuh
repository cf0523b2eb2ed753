#pragma once

#include "cuda/attend/keys.cuh"
#include "cuda/attend_backward/launch.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// What both passes need of a query besides its vectors.
struct alignas(8) QueryStatistics {
  float
      lse2;  ///< its LSE in base 2: `P = exp2(score - lse2)`; never +inf after `attend`, so that marks an absent query
  float delta;  ///< `<dO, O> - dLSE`: `dS = P (dP - delta)`
};

template <class T>
struct StatisticsParams {
  std::int64_t rows;  ///< heads * Nq
  std::int32_t value_dim;
  const T* d_output;              ///< [rows, Dv]
  const T* d_output_gradient;     ///< [rows, Dv]
  const float* d_lse;             ///< [rows]
  const float* d_lse_gradient;    ///< [rows] or null
  QueryStatistics* d_statistics;  ///< [rows]
};

/// One warp for each query; a lane takes eight of the at most 256 dimensions. Hand-written for want of a segmented dot
/// product among the primitives.
template <class T>
struct StatisticsKernel {
  static constexpr int threads = 128, blocks_per_sm = 0;
  static constexpr int rows_per_block = threads / 32;

  __device__ void operator()(const StatisticsParams<T>& p) const {
    const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * rows_per_block + threadIdx.x / 32;
    if (row >= p.rows) return;
    float delta = 0;
    const int d = 8 * static_cast<int>(lane_id());
    if (d < p.value_dim) {
      float output[8], gradient[8];
      load8(p.d_output + row * p.value_dim + d, output);
      load8(p.d_output_gradient + row * p.value_dim + d, gradient);
#pragma unroll
      for (int i = 0; i < 8; ++i) delta += output[i] * gradient[i];
    }
    for (int step = 16; step > 0; step /= 2) delta += __shfl_xor_sync(full_warp, delta, step);
    if (lane_id() == 0)
      p.d_statistics[row] = {p.d_lse[row] * log2_of_e, delta - (p.d_lse_gradient ? p.d_lse_gradient[row] : 0.0f)};
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

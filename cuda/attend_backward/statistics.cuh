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
  std::int32_t lanes;             ///< that share a row
  const T* d_output;              ///< [rows, Dv]
  const T* d_output_gradient;     ///< [rows, Dv]
  const float* d_lse;             ///< [rows]
  const float* d_lse_gradient;    ///< [rows] or null
  QueryStatistics* d_statistics;  ///< [rows]
};

/// A lane takes eight of a query's at most 256 dimensions; `lanes` neighbours, a power of two, take all of them.
/// Hand-written for want of a segmented dot product among the primitives.
template <class T>
struct StatisticsKernel {
  static constexpr int threads = 128, blocks_per_sm = 0;
  static int lanes(int value_dim) {
    int result = 1;
    while (8 * result < value_dim) result *= 2;
    return result;
  }

  __device__ void operator()(const StatisticsParams<T>& p) const {
    const auto within = static_cast<int>(threadIdx.x % static_cast<unsigned>(p.lanes));
    const std::int64_t row = (std::int64_t{blockIdx.x} * threads + threadIdx.x) / static_cast<unsigned>(p.lanes);
    float delta = 0;
    const int d = 8 * within;
    if (row < p.rows && d < p.value_dim) {
      float output[8], gradient[8];
      load8(p.d_output + row * p.value_dim + d, output);
      load8(p.d_output_gradient + row * p.value_dim + d, gradient);
#pragma unroll
      for (int i = 0; i < 8; ++i) delta += output[i] * gradient[i];
    }
    for (int step = p.lanes / 2; step > 0; step /= 2) delta += __shfl_xor_sync(full_warp, delta, step);
    if (row < p.rows && within == 0)
      p.d_statistics[row] = {p.d_lse[row] * log2_of_e, delta - (p.d_lse_gradient ? p.d_lse_gradient[row] : 0.0f)};
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include "cuda/attend/launch.hpp"
#include "cuda/attend/tensor_tiles.cuh"
#include "cuda/mma/exp2.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// Attention on tensor cores; T is half or bfloat16, `dim` at least D and Dv. Products of two T are summed in fp32;
/// probabilities are rounded to T for the second product, as in FlashAttention.
template <class T, int dim>
struct AttendTensor {
  static constexpr bool in_registers = dim <= 128;  ///< Q
  using Tile = TensorTile<T, dim, in_registers ? 0 : 1>;
  static constexpr int threads = Tile::most_threads, blocks_per_sm = 1;

  __device__ void operator()(const AttendParams<T>& params) const {
    const AttendProblem<T>& p = params.problem;
    Tile tile(p);
    const int lane = tile.lane();
    const float scale = p.scale * log2_of_e;
    std::conditional_t<in_registers, RegisterRows<dim>, SharedRows<T, dim>> query;
    if constexpr (in_registers)
      tile.load_rows(query, p.d_query, p.head_dim);
    else
      query = tile.load_rows(0, p.d_query, p.head_dim);
    FragmentC output[Tile::part_dim / 8] = {};
    float highest[2] = {-INFINITY, -INFINITY}, sum[2] = {};  // of rows lane / 4 and lane / 4 + 8

    tile.walk([&](const T* keys, const T* values, const KeyStep& which, auto last_weight) {
      FragmentC scores[2];
      tensor_dots<T, dim>(scores, query, keys, lane);
      which.score(scores, scale, lane, last_weight);
      float step_max[2] = {-INFINITY, -INFINITY};
#pragma unroll
      for (int i = 0; i < 8; ++i) step_max[i / 2 % 2] = fmaxf(step_max[i / 2 % 2], scores[i / 4].value[i % 4]);
#pragma unroll
      for (int row = 0; row < 2; ++row) {
        step_max[row] = fmaxf(step_max[row], __shfl_xor_sync(full_warp, step_max[row], 1));
        step_max[row] = fmaxf(step_max[row], __shfl_xor_sync(full_warp, step_max[row], 2));
      }
      // Later keys seldom raise a maximum; the sums are left alone when none of the warp's rows did.
      if (__any_sync(full_warp, step_max[0] > highest[0] || step_max[1] > highest[1])) {
        float shrink[2];
#pragma unroll
        for (int row = 0; row < 2; ++row) {
          const float before = highest[row];
          highest[row] = fmaxf(before, step_max[row]);
          shrink[row] = exp2_approx(before - base(highest[row]));
          sum[row] *= shrink[row];
        }
#pragma unroll
        for (int n = 0; n < Tile::part_dim / 8; ++n)
#pragma unroll
          for (int i = 0; i < 4; ++i) output[n].value[i] *= shrink[i / 2];
      }
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        float& probability = scores[i / 4].value[i % 4];
        probability = exp2_approx(probability - base(highest[i / 2 % 2]));
        sum[i / 2 % 2] += probability;
      }
      tensor_sums<T, Tile::part_dim, Tile::pitch>(output, as_a<T>(scores[0], scores[1]), values + Tile::part_begin(),
                                                  Tile::sum_of(which, lane), lane);
    });

    float factor[2];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      sum[row] += __shfl_xor_sync(full_warp, sum[row], 1);
      sum[row] += __shfl_xor_sync(full_warp, sum[row], 2);
      factor[row] = 1.0f / sum[row];
      const int at = lane / 4 + 8 * row;
      if (Tile::part_begin() == 0 && lane % 4 == 0 && at < tile.count())
        params.d_lse[tile.first_row() + at] = (base(highest[row]) + log2f(sum[row])) * ln_of_2;
    }
    tile.store_rows(params.d_output, p.value_dim, output, factor);
  }

 private:
  /// What is subtracted from scores: their maximum, unless there is none yet.
  __device__ static float base(float highest) { return highest == -INFINITY ? 0.0f : highest; }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include <cfloat>

#include "cuda/attend/aligned_tile.cuh"
#include "cuda/attend/launch.hpp"
#include "cuda/mma/exp2.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

template <class T>
struct AlignedAttendParams {
  AttendParams<T> attend;
  std::int32_t stages;  ///< of the ring
};

/// Attention on tensor cores for problems that are `is_aligned`; T is half or bfloat16, `dim` at least D and Dv, at
/// most 128. Products of two T are summed in fp32; probabilities are rounded to T for the second product.
template <class T, int dim>
struct AttendAligned {
  using Tile = AlignedTile<T, dim>;
  static constexpr int threads = Tile::most_threads, blocks_per_sm = Tile::blocks_per_sm;

  /// A row's sums are scaled by a number that lags its maximum: it follows when a score is this much higher (in base
  /// 2), which is seldom, and probabilities stay below 2^8, which half holds.
  static constexpr float lag = 8;

  __device__ void operator()(const AlignedAttendParams<T>& params) const {
    const AttendProblem<T>& p = params.attend.problem;
    Tile tile(p, params.stages);
    const int lane = tile.lane();
    const LaneRows lanes(Tile::pitch, lane);
    RegisterRows<dim> query;
    tile.load_rows(query, p.d_query, p.head_dim);
    // With a scale that is not negative, the largest dot product has the largest score.
    const float scale = fabsf(p.scale) * log2_of_e;
    if (p.scale < 0) negate(query);
    FragmentC output[dim / 8] = {};
    float base[2] = {-FLT_MAX, -FLT_MAX}, sum[2] = {};  // of rows lane / 4 and lane / 4 + 8

    tile.walk([&](const T* keys, const T* values, RunKeys held, float weight, auto last_weight) {
      FragmentC scores[2];
      tensor_dots<T, dim>(scores, query, keys, lanes, {{}, {}});
      float factor = scale;  // a score is the number in `scores` times this plus `weight`
      if (!held.all_whole()) {
        const float other = last_weight();
#pragma unroll
        for (int i = 0; i < 8; ++i) {
          float& score = scores[i / 4].value[i % 4];
          score = held.has(i, lane) ? score * scale + (held.whole(i, lane) ? weight : other) : -INFINITY;
        }
        factor = 1, weight = 0;
      }
      float largest[2];
#pragma unroll
      for (int row = 0; row < 2; ++row) {
        const float *a = scores[0].value + 2 * row, *b = scores[1].value + 2 * row;
        largest[row] = fmaxf(fmaxf(a[0], a[1]), fmaxf(b[0], b[1])) * factor + weight;
      }
      if (__any_sync(full_warp, largest[0] > base[0] + lag || largest[1] > base[1] + lag)) {
#pragma unroll
        for (int row = 0; row < 2; ++row) {
          float highest = fmaxf(largest[row], __shfl_xor_sync(full_warp, largest[row], 1));
          highest = fmaxf(highest, __shfl_xor_sync(full_warp, highest, 2));
          if (!(highest > base[row] + lag)) highest = base[row];  // a row does not depend on the warp's others
          const float shrink = highest > base[row] ? exp2_approx(base[row] - highest) : 1.0f;
          base[row] = highest;
          sum[row] *= shrink;
#pragma unroll
          for (int n = 0; n < dim / 8; ++n) {
            output[n].value[2 * row] *= shrink;
            output[n].value[2 * row + 1] *= shrink;
          }
        }
      }
      const float subtracted[2] = {weight - base[0], weight - base[1]};
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        float& probability = scores[i / 4].value[i % 4];
        probability = exp2_approx(fmaf(probability, factor, subtracted[i / 2 % 2]));
        sum[i / 2 % 2] += probability;
      }
      tensor_sums<T, dim>(output, as_a<T>(scores[0], scores[1]), values, lanes);
    });

    float factor[2];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      sum[row] += __shfl_xor_sync(full_warp, sum[row], 1);
      sum[row] += __shfl_xor_sync(full_warp, sum[row], 2);
      factor[row] = 1.0f / sum[row];
      const int at = lane / 4 + 8 * row;
      if (lane % 4 == 0 && at < tile.count())
        params.attend.d_lse[tile.first_row() + at] = (base[row] + log2f(sum[row])) * ln_of_2;
    }
    tile.store_rows(params.attend.d_output, p.value_dim, output, factor);
  }

 private:
  __device__ static void negate(RegisterRows<dim>& rows) {
#pragma unroll
    for (int k = 0; k < dim / 16; ++k)
#pragma unroll
      for (int i = 0; i < 4; ++i) rows.fragment[k].word[i] ^= 0x80008000u;
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

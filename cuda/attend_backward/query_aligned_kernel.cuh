#pragma once

#include "cuda/attend/aligned_tile.cuh"
#include "cuda/attend_backward/query_fma_kernel.cuh"
#include "cuda/mma/exp2.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

template <class T>
struct AlignedQueryGradientParams {
  QueryGradientParams<T> gradient;
  std::int32_t stages;  ///< of the ring
};

/// dQ on tensor cores for problems that are `is_aligned`: the same walk over the keys as `AttendAligned`. dS is rounded
/// to T for its product.
template <class T, int dim>
struct QueryGradientAligned {
  using Tile = AlignedTile<T, dim>;
  static constexpr int threads = Tile::most_threads, blocks_per_sm = Tile::blocks_per_sm;

  __device__ void operator()(const AlignedQueryGradientParams<T>& aligned) const {
    const QueryGradientParams<T>& params = aligned.gradient;
    const AttendProblem<T>& p = params.problem;
    Tile tile(p, aligned.stages);
    const int lane = tile.lane();
    const LaneRows lanes(Tile::pitch, lane, false);
    RegisterRows<dim> query, output_gradient;
    tile.load_rows(query, p.d_query, p.head_dim);
    tile.load_rows(output_gradient, params.d_output_gradient, p.value_dim);
    QueryStatistics mine[2] = {{INFINITY, 0}, {INFINITY, 0}};  // of rows lane / 4 and lane / 4 + 8
#pragma unroll
    for (int row = 0; row < 2; ++row)
      if (lane / 4 + 8 * row < tile.count()) mine[row] = params.d_statistics[tile.first_row() + lane / 4 + 8 * row];
    FragmentC gradient[dim / 8] = {};
    const FragmentC minus_delta = {{-mine[0].delta, -mine[0].delta, -mine[1].delta, -mine[1].delta}};

    tile.walk([&](const T* keys, const T* values, RunKeys held, float weight, auto last_weight) {
      FragmentC scores[2], products[2];  // of Q and K; dP - delta
      tensor_dots<T, dim>(scores, query, keys, lanes, {{}, {}});
      tensor_dots<T, dim>(products, output_gradient, values, lanes, {minus_delta, minus_delta});
      float factor = params.scale;  // a score is the number in `scores` times this plus `weight`
      if (!held.all_whole()) {
        const float other = last_weight();
#pragma unroll
        for (int i = 0; i < 8; ++i) {
          float& score = scores[i / 4].value[i % 4];
          score = score * factor + (held.whole(i, lane) ? weight : other);
        }
        factor = 1, weight = 0;
      }
      const float subtracted[2] = {weight - mine[0].lse2, weight - mine[1].lse2};
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        float& score_gradient = scores[i / 4].value[i % 4];
        score_gradient =
            exp2_approx(fmaf(score_gradient, factor, subtracted[i / 2 % 2])) * products[i / 4].value[i % 4];
      }
      if (!held.all_whole()) {
#pragma unroll
        for (int i = 0; i < 8; ++i)
          if (!held.has(i, lane)) scores[i / 4].value[i % 4] = 0;
      }
      tensor_sums<T, dim>(gradient, as_a<T>(scores[0], scores[1]), keys, lanes);
    });
    tile.store_rows(params.d_query_gradient, p.head_dim, gradient, {p.scale, p.scale});
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include "cuda/attend/tensor_tiles.cuh"
#include "cuda/attend_backward/query_fma_kernel.cuh"
#include "cuda/mma/exp2.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// dQ on tensor cores, query-major: the same walk over the keys as `AttendTensor`. dS is rounded to T for its product.
template <class T, int dim>
struct QueryGradientTensor {
  static constexpr bool in_registers = dim <= 128;  ///< Q and dO
  using Tile = TensorTile<T, dim, in_registers ? 0 : 2>;
  static constexpr int threads = Tile::most_threads, blocks_per_sm = 1;

  __device__ void operator()(const QueryGradientParams<T>& params) const {
    const AttendProblem<T>& p = params.problem;
    Tile tile(p);
    const int lane = tile.lane();
    std::conditional_t<in_registers, RegisterRows<dim>, SharedRows<T, dim>> query, output_gradient;
    if constexpr (in_registers) {
      tile.load_rows(query, p.d_query, p.head_dim);
      tile.load_rows(output_gradient, params.d_output_gradient, p.value_dim);
    } else {
      query = tile.load_rows(0, p.d_query, p.head_dim);
      output_gradient = tile.load_rows(1, params.d_output_gradient, p.value_dim);
    }
    QueryStatistics mine[2] = {{INFINITY, 0}, {INFINITY, 0}};  // of rows lane / 4 and lane / 4 + 8
#pragma unroll
    for (int row = 0; row < 2; ++row)
      if (lane / 4 + 8 * row < tile.count()) mine[row] = params.d_statistics[tile.first_row() + lane / 4 + 8 * row];
    FragmentC gradient[Tile::part_dim / 8] = {};

    tile.walk([&](const T* keys, const T* values, const KeyStep& which, auto last_weight) {
      FragmentC scores[2], products[2];
      tensor_dots<T, dim>(scores, query, keys, lane);
      tensor_dots<T, dim>(products, output_gradient, values, lane);
      which.score(scores, params.scale, lane, last_weight);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        float& score_gradient = scores[i / 4].value[i % 4];
        score_gradient =
            exp2_approx(score_gradient - mine[i / 2 % 2].lse2) * (products[i / 4].value[i % 4] - mine[i / 2 % 2].delta);
      }
      if (!which.whole()) {
#pragma unroll
        for (int i = 0; i < 8; ++i)
          if (!which.has(i, lane)) scores[i / 4].value[i % 4] = 0;
      }
      tensor_sums<T, Tile::part_dim, Tile::pitch>(gradient, as_a<T>(scores[0], scores[1]), keys + Tile::part_begin(),
                                                  Tile::sum_of(which, lane), lane);
    });
    tile.store_rows(params.d_query_gradient, p.head_dim, gradient, {p.scale, p.scale});
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

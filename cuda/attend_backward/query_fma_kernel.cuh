#pragma once

#include "cuda/attend/fma_query_tiles.cuh"
#include "cuda/attend_backward/statistics.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

template <class T>
struct QueryGradientParams {
  AttendProblem<T> problem;
  const T* d_output_gradient;           ///< dO [heads, Nq, Dv]
  const QueryStatistics* d_statistics;  ///< [heads, Nq]
  T* d_query_gradient;                  ///< dQ [heads, Nq, D]
  float scale;                          ///< of scores in base 2; from here it takes no register
};

/// dQ by fused multiply-add, query-major: the same walk over the keys as `AttendFma`.
template <class T, int max_dim>
struct QueryGradientFma {
  static constexpr int threads = FmaTile::threads, blocks_per_sm = 0;
  static constexpr int tile_columns = FmaTile::columns(max_dim),
                       columns_per_lane = tile_columns / FmaTile::lanes_per_row;
  using Columns = KeyColumns<tile_columns>;

  struct Layout {
    std::size_t query, gradient, key, value, weight, token, log2_weight, bytes;
    __host__ __device__ Layout(int head_dim, int value_dim) {
      SharedLayout all;
      query = all.take<float>(static_cast<std::size_t>(FmaTile::rows * FmaTile::pitch(head_dim)));
      gradient = all.take<float>(static_cast<std::size_t>(FmaTile::rows * FmaTile::pitch(value_dim)));
      key = all.take<float>(static_cast<std::size_t>(tile_columns * FmaTile::pitch(head_dim)));
      value = all.take<float>(static_cast<std::size_t>(tile_columns * FmaTile::pitch(value_dim)));
      weight = all.take<float>(FmaTile::rows * tile_columns);
      Columns::reserve(all, token, log2_weight);
      bytes = all.bytes();
    }
  };

  __device__ void operator()(const QueryGradientParams<T>& params) const {
    const AttendProblem<T>& p = params.problem;
    const QueryRows rows(p.levels, blockIdx.x);
    if (rows.count <= 0) return;
    const Layout at(p.head_dim, p.value_dim);
    const Shared<float> query(at.query, FmaTile::rows * FmaTile::pitch(p.head_dim));
    const Shared<float> gradient(at.gradient, FmaTile::rows * FmaTile::pitch(p.value_dim));
    const Shared<float> key(at.key, tile_columns * FmaTile::pitch(p.head_dim));
    const Shared<float> value(at.value, tile_columns * FmaTile::pitch(p.value_dim));
    const Shared<float> weight(at.weight, FmaTile::rows * tile_columns);
    const Columns columns{{at.token, tile_columns}, {at.log2_weight, tile_columns}};
    const std::int64_t first_row = rows.head * p.levels.level[0].queries + rows.first;

    load_tile(query.data(), FmaTile::rows, p.head_dim,
              [&](int r) { return r < rows.count ? p.d_query + (first_row + r) * p.head_dim : nullptr; });
    load_tile(gradient.data(), FmaTile::rows, p.value_dim, [&](int r) {
      return r < rows.count ? params.d_output_gradient + (first_row + r) * p.value_dim : nullptr;
    });
    const bool present = FmaTile::row() < rows.count;
    const QueryStatistics mine =
        present ? params.d_statistics[first_row + FmaTile::row()] : QueryStatistics{INFINITY, 0};
    const float scale = params.scale;
    RowSum<max_dim> sum;

    for (int level = 0; level <= p.levels.enrichment_levels; ++level) {
      const LevelKeys keys = keys_of(p, level, rows.head, rows.first);
      const T* d_keys = key_rows(p, level, rows.head);
      const T* d_values = value_rows(p, level, rows.head);
      for (std::uint32_t slot = 0; slot < keys.slots; slot += tile_columns) {
        __syncthreads();  // the last tile is done with
        columns.fill(p, level, rows, keys, slot);
        __syncthreads();
        load_tile(key.data(), tile_columns, p.head_dim,
                  [&](int c) { return columns.token[c] >= 0 ? d_keys + columns.token[c] * p.head_dim : nullptr; });
        load_tile(value.data(), tile_columns, p.value_dim,
                  [&](int c) { return columns.token[c] >= 0 ? d_values + columns.token[c] * p.value_dim : nullptr; });
        const unsigned kept = columns.kept();
        __syncthreads();

        float scores[columns_per_lane], products[columns_per_lane];
        dot_products(scores, query.data(), key.data(), p.head_dim);
        dot_products(products, gradient.data(), value.data(), p.value_dim);
#pragma unroll
        for (int i = 0; i < columns_per_lane; ++i) {
          const int c = FmaTile::column(i);
          const float probability = exp2f(scores[i] * scale + columns.log2_weight[c] - mine.lse2);
          weight[FmaTile::row() * tile_columns + c] = probability * (products[i] - mine.delta);
        }
        __syncwarp();  // a row's weights stay within its eight lanes
        sum.add(weight.data() + FmaTile::row() * tile_columns, key.data(), p.head_dim, kept);
      }
    }

    if (!present) return;
    sum.scale(p.scale);
    T* d_row = params.d_query_gradient + (first_row + FmaTile::row()) * p.head_dim;
    sum.visit(p.head_dim, [&](int d, const float4& part) { store4(d_row + d, part); });
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

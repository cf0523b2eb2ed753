#pragma once

#include "cuda/attend/fma_tile.cuh"
#include "cuda/attend_backward/key_sums.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// dK and dV of one level by fused multiply-add, key-major: rows are up to 16 keys of one parent, columns are the
/// queries that attend to them. `Queries` finds these: `ListedQueries` or, in the baseline, `MaskedQueries`.
template <class T, int max_dim, class Queries>
struct KeyGradientFma {
  static constexpr int threads = FmaTile::threads, blocks_per_sm = 2;
  static constexpr int tile_columns = FmaTile::columns(max_dim),
                       columns_per_lane = tile_columns / FmaTile::lanes_per_row;

  struct Layout {
    std::size_t key, value, query, gradient, probabilities, score_gradients, query_token, statistics, entries, bytes;
    __host__ __device__ Layout(int head_dim, int value_dim) {
      SharedLayout all;
      key = all.take<float>(static_cast<std::size_t>(FmaTile::rows * FmaTile::pitch(head_dim)));
      value = all.take<float>(static_cast<std::size_t>(FmaTile::rows * FmaTile::pitch(value_dim)));
      query = all.take<float>(static_cast<std::size_t>(tile_columns * FmaTile::pitch(head_dim)));
      gradient = all.take<float>(static_cast<std::size_t>(tile_columns * FmaTile::pitch(value_dim)));
      probabilities = all.take<float>(FmaTile::rows * tile_columns);
      score_gradients = all.take<float>(FmaTile::rows * tile_columns);
      query_token = all.take<std::int64_t>(tile_columns);
      statistics = all.take<QueryStatistics>(tile_columns);
      entries = all.take<std::int32_t>(Queries::shared_entries);
      bytes = all.bytes();
    }
  };

  __device__ void operator()(const KeyGradientParams<T>& params) const {
    const AttendProblem<T>& p = params.problem;
    const int level = params.plan.level;
    const KeyTile tile = key_tile(params, blockIdx.x);
    if (tile.parent < 0) return;
    const Layout at(p.head_dim, p.value_dim);
    const Shared<float> key(at.key, FmaTile::rows * FmaTile::pitch(p.head_dim));
    const Shared<float> value(at.value, FmaTile::rows * FmaTile::pitch(p.value_dim));
    const Shared<float> query(at.query, tile_columns * FmaTile::pitch(p.head_dim));
    const Shared<float> gradient(at.gradient, tile_columns * FmaTile::pitch(p.value_dim));
    const Shared<float> probabilities(at.probabilities, FmaTile::rows * tile_columns);
    const Shared<float> score_gradients(at.score_gradients, FmaTile::rows * tile_columns);
    const Shared<std::int64_t> query_token(at.query_token, tile_columns);
    const Shared<QueryStatistics> statistics(at.statistics, tile_columns);

    const T* d_keys = key_rows(p, level, tile.head) + tile.first * p.head_dim;
    const T* d_values = value_rows(p, level, tile.head) + tile.first * p.value_dim;
    load_tile(key.data(), FmaTile::rows, p.head_dim,
              [&](int r) { return r < tile.count ? d_keys + r * p.head_dim : nullptr; });
    load_tile(value.data(), FmaTile::rows, p.value_dim,
              [&](int r) { return r < tile.count ? d_values + r * p.value_dim : nullptr; });
    const int row = FmaTile::row();
    const float weight = row < tile.count ? log2_weight(p, level, tile.first + row) : 0.0f;
    const float scale = p.scale * log2_of_e;
    const std::int64_t first_query = tile.head * p.levels.level[0].queries;
    RowSum<max_dim> key_sum, value_sum;

    Queries::visit(params, tile, at.entries, [&](const std::int32_t* d_entries, std::int64_t begin, std::int64_t end) {
      for (std::int64_t slot = begin; slot < end; slot += tile_columns) {
        __syncthreads();  // the last tile is done with
        if (threadIdx.x < tile_columns) {
          const std::int64_t mine = slot + threadIdx.x;
          const std::int64_t i = mine < end ? query_of(params, d_entries, mine) : -1;
          query_token[threadIdx.x] = i;
          if (i >= 0) statistics[threadIdx.x] = params.d_statistics[first_query + i];
        }
        __syncthreads();
        load_tile(query.data(), tile_columns, p.head_dim, [&](int c) {
          return query_token[c] >= 0 ? p.d_query + (first_query + query_token[c]) * p.head_dim : nullptr;
        });
        load_tile(gradient.data(), tile_columns, p.value_dim, [&](int c) {
          return query_token[c] >= 0 ? params.d_output_gradient + (first_query + query_token[c]) * p.value_dim
                                     : nullptr;
        });
        __syncthreads();

        float scores[columns_per_lane], products[columns_per_lane];
        dot_products(scores, key.data(), query.data(), p.head_dim);
        dot_products(products, value.data(), gradient.data(), p.value_dim);
        unsigned kept = 0;
#pragma unroll
        for (int i = 0; i < columns_per_lane; ++i) {
          const int c = FmaTile::column(i), at_weight = row * tile_columns + c;
          if (query_token[c] < 0 || is_dropped(p, level, tile.head, query_token[c], tile.first + row)) continue;
          kept |= 1u << c;
          const float probability = exp2f(scores[i] * scale + weight - statistics[c].lse2);
          probabilities[at_weight] = probability;
          score_gradients[at_weight] = probability * (products[i] - statistics[c].delta);
        }
        for (int step = 1; step < FmaTile::lanes_per_row; step *= 2) kept |= __shfl_xor_sync(full_warp, kept, step);
        __syncwarp();  // a row's weights stay within its eight lanes
        key_sum.add(score_gradients.data() + row * tile_columns, query.data(), p.head_dim, kept);
        value_sum.add(probabilities.data() + row * tile_columns, gradient.data(), p.value_dim, kept);
      }
    });

    if (row >= tile.count) return;
    key_sum.visit(p.head_dim, [&](int d, const float4& part) {
      put(params, tile, row, d, {part.x, part.y, part.z, part.w});
    });
    value_sum.visit(p.value_dim, [&](int d, const float4& part) {
      put(params, tile, row, p.head_dim + d, {part.x, part.y, part.z, part.w});
    });
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

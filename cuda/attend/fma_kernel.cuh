#pragma once

#include "cuda/attend/fma_query_tiles.cuh"
#include "cuda/attend/launch.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// Attention by fused multiply-add. One block of threads takes one `QueryRows` tile through all of its keys.
template <class T, int max_dim>
struct AttendFma {
  static constexpr int threads = FmaTile::threads, blocks_per_sm = 0;
  static constexpr int tile_columns = FmaTile::columns(max_dim),
                       columns_per_lane = tile_columns / FmaTile::lanes_per_row;
  using Columns = KeyColumns<tile_columns>;

  struct Layout {
    std::size_t query, key, value, probability, token, log2_weight, bytes;
    __host__ __device__ Layout(int head_dim, int value_dim) {
      SharedLayout all;
      query = all.take<float>(static_cast<std::size_t>(FmaTile::rows * FmaTile::pitch(head_dim)));
      key = all.take<float>(static_cast<std::size_t>(tile_columns * FmaTile::pitch(head_dim)));
      value = all.take<float>(static_cast<std::size_t>(tile_columns * FmaTile::pitch(value_dim)));
      probability = all.take<float>(FmaTile::rows * tile_columns);
      Columns::reserve(all, token, log2_weight);
      bytes = all.bytes();
    }
  };

  __device__ void operator()(const AttendParams<T>& params) const {
    const AttendProblem<T>& p = params.problem;
    const QueryRows rows(p.levels, blockIdx.x);
    if (rows.count <= 0) return;
    const Layout at(p.head_dim, p.value_dim);
    const Shared<float> query(at.query, FmaTile::rows * FmaTile::pitch(p.head_dim));
    const Shared<float> key(at.key, tile_columns * FmaTile::pitch(p.head_dim));
    const Shared<float> value(at.value, tile_columns * FmaTile::pitch(p.value_dim));
    const Shared<float> probabilities(at.probability, FmaTile::rows * tile_columns);
    const Columns columns{{at.token, tile_columns}, {at.log2_weight, tile_columns}};
    const std::int64_t first_row = rows.head * p.levels.level[0].queries + rows.first;

    load_tile(query.data(), FmaTile::rows, p.head_dim,
              [&](int r) { return r < rows.count ? p.d_query + (first_row + r) * p.head_dim : nullptr; });
    const float scale = p.scale * log2_of_e;
    float highest = -INFINITY, sum = 0;
    RowSum<max_dim> output;

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

        float scores[columns_per_lane];
        dot_products(scores, query.data(), key.data(), p.head_dim);
        float tile_max = -INFINITY;
#pragma unroll
        for (int i = 0; i < columns_per_lane; ++i) {
          const int c = FmaTile::column(i);
          scores[i] = kept >> c & 1u ? scores[i] * scale + columns.log2_weight[c] : -INFINITY;
          tile_max = fmaxf(tile_max, scores[i]);
        }
        const float before = highest;
        highest = fmaxf(highest, row_max(tile_max));
        const float base = highest == -INFINITY ? 0.0f : highest;
        const float shrink = exp2f(before - base);
        float added = 0;
#pragma unroll
        for (int i = 0; i < columns_per_lane; ++i) {
          const float probability = exp2f(scores[i] - base);
          added += probability;
          probabilities[FmaTile::row() * tile_columns + FmaTile::column(i)] = probability;
        }
        sum = sum * shrink + added;
        output.scale(shrink);
        __syncwarp();  // a row's probabilities stay within its eight lanes
        output.add(probabilities.data() + FmaTile::row() * tile_columns, value.data(), p.value_dim, kept);
      }
    }

    sum = row_sum(sum);
    if (FmaTile::row() >= rows.count) return;
    const std::int64_t row = first_row + FmaTile::row();
    output.scale(1.0f / sum);
    output.visit(p.value_dim,
                 [&](int d, const float4& part) { store4(params.d_output + row * p.value_dim + d, part); });
    if (FmaTile::lane() == 0) params.d_lse[row] = ((highest == -INFINITY ? 0.0f : highest) + log2f(sum)) * ln_of_2;
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

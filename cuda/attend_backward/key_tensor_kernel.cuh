#pragma once

#include "cuda/attend/tensor_tiles.cuh"
#include "cuda/attend_backward/key_sums.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// dK and dV of one level on tensor cores, key-major, for keys that coverage does not drop. Four warps take a tile of
/// 16, 32 or 64 keys of one parent: 16 keys each, and with fewer keys than 64 they divide the queries among them, whose
/// sums are added at the end in the order of the warps. P and dS are rounded to T for their products.
template <class T, int dim, class Queries>
struct KeyGradientTensor {
  static constexpr int warps = 4, threads = 32 * warps, blocks_per_sm = 0;
  static constexpr int columns = 64;  ///< queries of a stage
  static constexpr int pitch = tensor_pitch<dim>, pieces = dim / 8;
  /// The fragments of K and V stay in registers while these last: at dim = 64 keeping them spills.
  static constexpr bool resident = dim <= 32;

  struct Layout {
    std::size_t key, value, queries, statistics, entries, bytes;
    __host__ __device__ Layout(int, int) {
      SharedLayout all;
      key = all.take<T>(64 * pitch);
      value = all.take<T>(64 * pitch);
      queries = all.take<T>(2 * stage);  // at the end: the warps' sums
      statistics = all.take<QueryStatistics>(2 * columns);
      entries = all.take<std::int32_t>(Queries::shared_entries);
      bytes = all.bytes();
    }
  };

  __device__ void operator()(const KeyGradientParams<T>& params) const {
    const AttendProblem<T>& p = params.problem;
    const KeyTile tile = key_tile(params, blockIdx.x);
    if (tile.parent < 0) return;
    const Layout at(dim, dim);
    T* key = Shared<T>(at.key, 64 * pitch).data();
    T* value = Shared<T>(at.value, 64 * pitch).data();
    T* ring = Shared<T>(at.queries, 2 * stage).data();
    const Shared<QueryStatistics> statistics(at.statistics, 2 * columns);
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(lane_id());
    const int row_warps = params.plan.tile_keys / 16;
    const int first_key = warp % row_warps * 16;                 // of this warp, in the tile
    const int first_column = warp / row_warps * 16 * row_warps;  // of its share of a stage's queries

    AsyncCopies copies;
    const T* d_keys = key_rows(p, params.plan.level, tile.head) + tile.first * dim;
    const T* d_values = value_rows(p, params.plan.level, tile.head) + tile.first * dim;
    for (int i = static_cast<int>(threadIdx.x); i < 16 * row_warps * pieces; i += threads) {
      const int row = i / pieces, d = i % pieces * 8, from = row < tile.count ? row * dim + d : 0;
      copies.copy(key + row * pitch + d, d_keys + from, row < tile.count);
      copies.copy(value + row * pitch + d, d_values + from, row < tile.count);
    }
    copies.commit();
    copies.wait<0>();
    __syncthreads();
    FragmentA key_rows_a[resident ? dim / 16 : 1], value_rows_a[resident ? dim / 16 : 1];
    if constexpr (resident) {
#pragma unroll
      for (int k = 0; k < dim / 16; ++k) {
        key_rows_a[k] = load_a(key + first_key * pitch + 16 * k, pitch, lane);
        value_rows_a[k] = load_a(value + first_key * pitch + 16 * k, pitch, lane);
      }
    }
    float weight[2];  // of keys lane / 4 and lane / 4 + 8
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row = first_key + lane / 4 + 8 * i;
      weight[i] = row < tile.count ? log2_weight(p, params.plan.level, tile.first + row) : 0.0f;
    }
    const float scale = p.scale * log2_of_e;
    const std::int64_t first_query = tile.head * p.levels.level[0].queries;
    FragmentC key_sums[dim / 8] = {}, value_sums[dim / 8] = {};

    Queries::visit(params, tile, at.entries, [&](const std::int32_t* d_entries, std::int64_t begin, std::int64_t end) {
      const auto load = [&](std::int64_t slot, int which) {
        T* to = ring + which * stage;
        for (int i = static_cast<int>(threadIdx.x); i < columns * pieces; i += threads) {
          const int row = i / pieces, d = i % pieces * 8;
          const std::int64_t query = slot + row < end ? query_of(params, d_entries, slot + row) : -1;
          const std::int64_t from = (first_query + max(query, std::int64_t{0})) * dim + d;
          copies.copy(to + row * pitch + d, p.d_query + from, query >= 0);
          copies.copy(to + (columns + row) * pitch + d, params.d_output_gradient + from, query >= 0);
        }
        copies.commit();
        if (threadIdx.x < columns) {
          const std::int64_t mine = slot + threadIdx.x;
          const std::int64_t query = mine < end ? query_of(params, d_entries, mine) : -1;
          statistics[which * columns + threadIdx.x] =
              query >= 0 ? params.d_statistics[first_query + query] : QueryStatistics{INFINITY, 0};
        }
      };
      if (begin < end) load(begin, 0);
      int which = 0;
      for (std::int64_t slot = begin; slot < end; slot += columns, which ^= 1) {
        if (slot + columns < end)
          load(slot + columns, which ^ 1);
        else
          copies.commit();
        copies.wait<1>();
        __syncthreads();
        for (int step = 0; step < row_warps; ++step) {
          const int column = first_column + 16 * step;
          const T* queries = ring + which * stage + column * pitch;
          const T* gradients = queries + columns * pitch;
          FragmentC shares[2], slopes[2];
          if constexpr (resident) {
            tensor_dots<T, dim>(shares, key_rows_a, queries, lane);
            tensor_dots<T, dim>(slopes, value_rows_a, gradients, lane);
          } else {
            dots(shares, key + first_key * pitch, queries, lane);
            dots(slopes, value + first_key * pitch, gradients, lane);
          }
#pragma unroll
          for (int i = 0; i < 8; ++i) {
            const QueryStatistics query = statistics[which * columns + column + 8 * (i / 4) + 2 * (lane % 4) + i % 2];
            float &share = shares[i / 4].value[i % 4], &slope = slopes[i / 4].value[i % 4];
            const bool present = query.lse2 != INFINITY;
            share = present ? exp2f(share * scale + weight[i / 2 % 2] - query.lse2) : 0.0f;
            slope = present ? share * (slope - query.delta) : 0.0f;
          }
          tensor_sums<T, dim>(value_sums, as_a<T>(shares[0], shares[1]), gradients, 0, lane);
          tensor_sums<T, dim>(key_sums, as_a<T>(slopes[0], slopes[1]), queries, 0, lane);
        }
        __syncthreads();
      }
    });
    store(params, tile, at, warp / row_warps, first_key, key_sums, value_sums);
  }

 private:
  static constexpr int stage = 2 * columns * pitch;  // Q, then dO

  /// `tensor_dots` with the rows read from shared memory.
  __device__ __forceinline__ static void dots(FragmentC (&out)[2], const T* rows, const T* tokens, int lane) {
    out[0] = out[1] = FragmentC{};
#pragma unroll
    for (int k = 0; k < dim / 16; ++k) {
      const FragmentA a = load_a(rows + 16 * k, pitch, lane);
      FragmentB b[2];
      load_b_transposed(b, tokens + 16 * k, pitch, lane);
      mma<T>(out[0], a, b[0]);
      mma<T>(out[1], a, b[1]);
    }
  }

  /// Adds the sums of the warps that share keys, in their order, and writes them.
  __device__ static void store(const KeyGradientParams<T>& params, const KeyTile& tile, const Layout& at, int share,
                               int first_key, const FragmentC (&key_sums)[dim / 8],
                               const FragmentC (&value_sums)[dim / 8]) {
    constexpr int all_dims = 2 * dim;
    static_assert(64 * all_dims * sizeof(float) <= 2 * stage * sizeof(T));
    const int keys = params.plan.tile_keys, shares = 64 / keys, lane = static_cast<int>(lane_id());
    const Shared<float> sums(at.queries, 64 * all_dims);  // [share][key][D + Dv]
    __syncthreads();
#pragma unroll
    for (int n = 0; n < dim / 8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int row = share * keys + first_key + lane / 4 + 8 * (i / 2), d = 8 * n + 2 * (lane % 4) + i % 2;
        sums[static_cast<std::size_t>(row * all_dims + d)] = key_sums[n].value[i];
        sums[static_cast<std::size_t>(row * all_dims + dim + d)] = value_sums[n].value[i];
      }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x) * 4; i < tile.count * all_dims; i += threads * 4) {
      float total[4] = {};
      for (int s = 0; s < shares; ++s)
#pragma unroll
        for (int j = 0; j < 4; ++j) total[j] += sums[static_cast<std::size_t>(s * keys * all_dims + i + j)];
      put(params, tile, i / all_dims, i % all_dims, total);
    }
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include "cuda/attend_backward/key_sums.cuh"
#include "cuda/attend_backward/key_tensor_sums.cuh"
#include "cuda/mma/cp_async.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// dK and dV of one level on tensor cores, key-major: any block size, D and Dv up to `dim`. Four warps take a tile of
/// 16, 32 or 64 keys of one parent: 16 keys each, and with fewer keys than 64 they take turns with the queries, 16 at a
/// time; their sums are added at the end in the order of the warps. P and dS are rounded to T for their products.
///
/// `drops`: coverage may drop pairs of keys and queries. The sums of more than 128 dimensions (64 with `drops`) do not
/// fit the registers: then several thread blocks take a part of them each.
template <class T, int dim, class Queries, bool drops>
struct KeyGradientTensor {
  static constexpr int warps = 4, threads = 32 * warps, blocks_per_sm = 0;
  static constexpr int part_dim = drops ? (dim < 64 ? dim : 64) : dim > 128 ? dim / 2 : dim, parts = dim / part_dim;
  static constexpr int pitch = tensor_pitch<dim>, pieces = dim / 8;
  /// The fragments of K and V stay in registers while these last: at dim = 64 keeping them spills.
  static constexpr bool resident = dim <= 32;

  struct Layout {
    std::size_t key, value, queries, statistics, entries, tile, sums, bytes;
    __host__ __device__ Layout(int tile_keys, const QueryStages& stages) {
      SharedLayout all;
      key = all.take<T>(tile_keys * pitch);
      value = all.take<T>(tile_keys * pitch);
      queries = all.take<T>(stages.count * 2 * stages.columns * pitch);
      // The warps' sums take the place of all this, but for rows that a warp may still be reading.
      sums = resident ? queries : 0;
      const std::size_t end = sums + 64 * 2 * part_dim * sizeof(float);
      if (end > all.bytes()) all.take<std::byte>(end - all.bytes());
      statistics = all.take<QueryStatistics>(stages.count * stages.columns);
      entries = all.take<std::int32_t>(Queries::shared_entries);
      tile = all.take<KeyTile>(1);
      bytes = all.bytes();
    }
  };

  __device__ void operator()(const KeyGradientParams<T>& params) const {
    const AttendProblem<T>& p = params.problem;
    const KeyTile tile = key_tile(params, blockIdx.x / parts);
    if (tile.parent < 0) return;
    const int level = params.plan.level, tile_keys = params.plan.tile_keys;
    const int columns = params.stages.columns, stage = 2 * columns * pitch;  // Q, then dO
    const Layout at(tile_keys, params.stages);
    T* key = Shared<T>(at.key, tile_keys * pitch).data();
    T* value = Shared<T>(at.value, tile_keys * pitch).data();
    T* ring = Shared<T>(at.queries, params.stages.count * stage).data();
    const Shared<QueryStatistics> statistics(at.statistics, params.stages.count * columns);
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(lane_id());
    const int row_warps = tile_keys / 16, shares = warps / row_warps;
    const int first_key = warp % row_warps * 16;  // of this warp, in the tile

    const Shared<KeyTile> kept_tile(at.tile, 1);
    if (threadIdx.x == 0) kept_tile[0] = tile;  // so that it takes no registers; barriers follow
    AsyncCopies copies;
    const T* d_keys = key_rows(p, level, tile.head) + tile.first * p.head_dim;
    const T* d_values = value_rows(p, level, tile.head) + tile.first * p.value_dim;
    const auto copy = [&](T* to, const T* d_rows, std::int64_t row, int d, int row_dim, bool present) {
      present = present && d < row_dim;
      copies.copy(to, d_rows + (present ? row * row_dim + d : 0), present);
    };
#pragma unroll 1
    for (int i = static_cast<int>(threadIdx.x); i < tile_keys * pieces; i += threads) {
      const int row = i / pieces, d = i % pieces * 8;
      copy(key + row * pitch + d, d_keys, row, d, p.head_dim, row < tile.count);
      copy(value + row * pitch + d, d_values, row, d, p.value_dim, row < tile.count);
    }
    copies.commit();
    RegisterRows<resident ? dim : 16> resident_keys, resident_values;
    if constexpr (resident) {
      copies.wait<0>();
      __syncthreads();  // the rows that other threads copied
#pragma unroll
      for (int k = 0; k < dim / 16; ++k) {
        resident_keys.fragment[k] = load_a(key + first_key * pitch + 16 * k, pitch, lane);
        resident_values.fragment[k] = load_a(value + first_key * pitch + 16 * k, pitch, lane);
      }
    }
    float weight[2];  // of keys lane / 4 and lane / 4 + 8
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row = first_key + lane / 4 + 8 * i;
      weight[i] = row < tile.count ? log2_weight(p, level, tile.first + row) : 0.0f;
    }
    const float scale = p.scale * log2_of_e;
    const std::int64_t first_query = tile.head * p.levels.level[0].queries;
    const int part_begin = static_cast<int>(blockIdx.x % parts) * part_dim;
    FragmentC key_sums[part_dim / 8] = {}, value_sums[part_dim / 8] = {};
    bool visited = false;

    Queries::visit(params, tile, at.entries, [&](const std::int32_t* d_entries, std::int64_t begin, std::int64_t end) {
      const auto query_at = [&](std::int64_t slot) { return slot < end ? query_of(params, d_entries, slot) : -1; };
      const auto load = [&](std::int64_t slot, int which) {
        T* to = ring + which * stage;
#pragma unroll 1
        for (int i = static_cast<int>(threadIdx.x); i < columns * pieces; i += threads) {
          const int row = i / pieces, d = i % pieces * 8;
          const std::int64_t query = query_at(slot + row), from = first_query + max(query, std::int64_t{0});
          copy(to + row * pitch + d, p.d_query, from, d, p.head_dim, query >= 0);
          copy(to + (columns + row) * pitch + d, params.d_output_gradient, from, d, p.value_dim, query >= 0);
        }
        copies.commit();
        if (static_cast<int>(threadIdx.x) < columns) {
          const std::int64_t query = query_at(slot + threadIdx.x);
          statistics[which * columns + threadIdx.x] =
              query >= 0 ? params.d_statistics[first_query + query] : QueryStatistics{INFINITY, 0};
        }
      };
      const bool ahead = params.stages.count == 2;
      if (begin < end) load(begin, 0);
      int which = 0;
      for (std::int64_t slot = begin; slot < end; slot += columns) {
        const bool more = slot + columns < end;
        if (ahead && more)
          load(slot + columns, which ^ 1);
        else
          copies.commit();
        copies.wait<1>();
        __syncthreads();
#pragma unroll 1
        for (int chunk = warp / row_warps; 16 * chunk < columns; chunk += shares) {
          const T* queries = ring + which * stage + 16 * chunk * pitch;
          const T* gradients = queries + columns * pitch;
          const int first_column = which * columns + 16 * chunk;
          DroppedPairs dropped;
          if (drops && p.disjoint && level > 0) {
            const std::int64_t query = query_at(slot + 16 * chunk + lane % 16);
            dropped.find(query < 0 ? 0u : dropped_keys(p, level, tile.head, query, tile.first + first_key),
                         statistics[first_column + lane % 16]);
          }
          SumOf of = drops ? dropped.first_sum() : SumOf{};
#pragma unroll 1
          for (unsigned rest = dropped.alone;; of = dropped.next_sum(rest, lane)) {
            FragmentC probability[2], score_gradient[2];
            if constexpr (resident) {
              tensor_dots<T, dim>(probability, resident_keys, queries, lane);
              tensor_dots<T, dim>(score_gradient, resident_values, gradients, lane);
            } else {
              tensor_dots<T, dim>(probability, SharedRows<T, dim>{key + first_key * pitch}, queries, lane);
              tensor_dots<T, dim>(score_gradient, SharedRows<T, dim>{value + first_key * pitch}, gradients, lane);
            }
#pragma unroll
            for (int i = 0; i < 8; ++i) {
              const int column = step_column(i, lane);
              const QueryStatistics query = statistics[first_column + column];
              float &to_probability = probability[i / 4].value[i % 4],
                    &to_score_gradient = score_gradient[i / 4].value[i % 4];
              bool present = query.lse2 != INFINITY;
              if constexpr (drops) present = present && (of.tokens >> column & 1u);
              if (drops && p.disjoint && level > 0)
                present = !(dropped.of(column) >> (lane / 4 + 8 * (i / 2 % 2)) & 1u) && present;
              to_probability = present ? exp2f(to_probability * scale + weight[i / 2 % 2] - query.lse2) : 0.0f;
              to_score_gradient = present ? to_probability * (to_score_gradient - query.delta) : 0.0f;
            }
            tensor_sums<T, part_dim, pitch>(value_sums, as_a<T>(probability[0], probability[1]), gradients + part_begin,
                                            of, lane);
            tensor_sums<T, part_dim, pitch>(key_sums, as_a<T>(score_gradient[0], score_gradient[1]),
                                            queries + part_begin, of, lane);
            if (!drops || rest == 0) break;
          }
        }
        __syncthreads();
        if (!ahead && more) load(slot + columns, 0);
        if (ahead) which ^= 1;
      }
      visited = visited || begin < end;
    });
    // The last barrier of a stage lies behind every copy and every read; without a stage there was none.
    if (!visited) {
      copies.wait<0>();
      __syncthreads();
    }
    store(params, kept_tile[0], at, warp / row_warps, first_key, part_begin, key_sums, value_sums);
  }

 private:
  /// Adds the sums of the warps that share keys, in their order, and writes them.
  __device__ static void store(const KeyGradientParams<T>& params, const KeyTile& tile, const Layout& at, int share,
                               int first_key, int part_begin, const FragmentC (&key_sums)[part_dim / 8],
                               const FragmentC (&value_sums)[part_dim / 8]) {
    const int keys = params.plan.tile_keys, shares = 64 / keys, lane = static_cast<int>(lane_id());
    const int head_dim = params.problem.head_dim, value_dim = params.problem.value_dim;
    const Shared<float> sums(at.sums, 64 * 2 * part_dim);  // [share][key][part of D + part of Dv]
#pragma unroll
    for (int n = 0; n < part_dim / 8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int row = share * keys + first_key + lane / 4 + 8 * (i / 2), d = 8 * n + 2 * (lane % 4) + i % 2;
        sums[static_cast<std::size_t>(row * 2 * part_dim + d)] = key_sums[n].value[i];
        sums[static_cast<std::size_t>(row * 2 * part_dim + part_dim + d)] = value_sums[n].value[i];
      }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x) * 4; i < tile.count * 2 * part_dim; i += threads * 4) {
      const int row = i / (2 * part_dim), within = i % (2 * part_dim);
      const bool of_value = within >= part_dim;
      const int d = part_begin + within - (of_value ? part_dim : 0);
      if (d >= (of_value ? value_dim : head_dim)) continue;
      float total[4] = {};
      for (int s = 0; s < shares; ++s)
#pragma unroll
        for (int j = 0; j < 4; ++j) total[j] += sums[static_cast<std::size_t>(s * keys * 2 * part_dim + i + j)];
      put(params, tile, row, of_value ? head_dim + d : d, total);
    }
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include "cuda/attend/fma_tile.cuh"
#include "cuda/attend/keys.cuh"

// The tiles of the query-major kernels that multiply by fused multiply-add.
namespace llsa::cuda::inline LLSA_WORLD {

/// A tile of query rows: up to 16 queries of one query block, which share every key. Query blocks larger than 16 take
/// several tiles. Tiles are numbered head-major.
struct QueryRows {
  std::int64_t head, first;
  int count;

  /// How many neighbouring queries share their keys: a block, or in dense attention all.
  __host__ __device__ static std::int64_t block_of(const Levels& levels) {
    const std::int64_t queries = levels.level[0].queries;
    return levels.levels == 0 || levels.block_size > queries ? queries : levels.block_size;
  }
  __host__ __device__ static std::int64_t per_head(const Levels& levels) {
    const std::int64_t queries = levels.level[0].queries, block = block_of(levels);
    return (queries + block - 1) / block * ((block + FmaTile::rows - 1) / FmaTile::rows);
  }
  /// Empty (`count <= 0`) for the tiles that a ragged last block does not need.
  __device__ QueryRows(const Levels& levels, std::int64_t number) {
    const std::int64_t queries = levels.level[0].queries, block = block_of(levels);
    const std::int64_t tiles = (block + FmaTile::rows - 1) / FmaTile::rows;
    head = number / per_head(levels);
    const std::int64_t within = number % per_head(levels);
    const std::int64_t begin = within / tiles * block + within % tiles * FmaTile::rows;
    const std::int64_t end = min(min(begin + FmaTile::rows, (within / tiles + 1) * block), queries);
    first = begin;
    count = static_cast<int>(end - begin);
  }
};

/// A tile of `columns` key slots of one level: which tokens, and how much is added to their scores.
template <int columns>
struct KeyColumns {
  Shared<std::int64_t> token;  ///< -1 for a slot that the queries do not attend to
  Shared<float> log2_weight;

  __host__ __device__ static void reserve(SharedLayout& layout, std::size_t& tokens, std::size_t& weights) {
    tokens = layout.take<std::int64_t>(columns);
    weights = layout.take<float>(columns);
  }

  /// By the first `columns` threads; a barrier must follow.
  template <class T>
  __device__ void fill(const AttendProblem<T>& p, int level, const QueryRows& rows, const LevelKeys& keys,
                       std::uint32_t first_slot) const {
    const int c = static_cast<int>(threadIdx.x);
    if (c >= columns) return;
    std::int64_t t = keys.token(first_slot + static_cast<std::uint32_t>(c));
    if (t >= 0 && is_dropped(p, level, rows.head, rows.first, t)) t = -1;
    token[c] = t;
    log2_weight[c] = t >= 0 ? cuda::log2_weight(p, level, t) : 0.0f;
  }

  /// The attended slots as bits. Call in all lanes of a warp.
  __device__ unsigned kept() const { return __ballot_sync(full_warp, lane_id() < columns && token[lane_id()] >= 0); }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

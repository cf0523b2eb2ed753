#pragma once

#include "cuda/block/group_list.cuh"
#include "cuda/block/top_list.cuh"
#include "cuda/kernel.cuh"
#include "cuda/levels.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// One level. Sibling queries share their candidates: at the coarsest level all queries are siblings and all keys
/// candidates, below it the children of one parent and the children of what that parent selected.
struct SelectLevel {
  const float* d_query = nullptr;                ///< [heads, queries, dim]
  const float* d_key = nullptr;                  ///< [heads, keys, dim]
  const std::int32_t* d_parent_lists = nullptr;  ///< [heads, parents, parent_width], or null at the coarsest level
  std::int32_t* d_lists = nullptr;               ///< [heads, queries, width]
  std::int64_t queries = 0, keys = 0, width = 0, parent_width = 0, parents = 1;
  std::int64_t siblings = 0;    ///< queries of one parent
  std::int64_t tiles = 0;       ///< blocks for one parent
  std::int64_t block_size = 0;  ///< B
  std::int64_t family = 0;      ///< most children of one selected key
  std::int32_t dim = 0;
};

namespace select_tile {
inline constexpr int queries = 16, keys = 64, dims = 64, threads = 128;
inline constexpr int row = dims + 4;  // floats; keeps float4 reads of neighbouring rows in different banks

struct Layout {
  std::size_t query, key, score, token, bytes;
};

__host__ __device__ constexpr Layout layout() {
  SharedLayout shared;
  Layout at{};
  at.query = shared.take<float>(queries * row);
  at.key = shared.take<float>(keys * row);
  at.score = shared.take<float>(queries * (keys + 1));
  at.token = shared.take<std::int32_t>(keys);
  at.bytes = shared.bytes();
  return at;
}
}  // namespace select_tile

/// What a thread block works on: queries `[first, end)` under one parent, and so many candidates.
struct SelectBlock {
  std::int64_t head, parent, first, end, candidates;

  __device__ explicit SelectBlock(const SelectLevel& p) {
    const auto tiles = static_cast<unsigned>(p.tiles), parents = static_cast<unsigned>(p.parents);
    parent = blockIdx.x / tiles % parents;
    head = blockIdx.x / tiles / parents;
    first = parent * p.siblings + blockIdx.x % tiles * std::int64_t{select_tile::queries};
    end = min((parent + 1) * p.siblings, p.queries);
    candidates = p.d_parent_lists ? p.parent_width * p.family : p.keys;
  }
};

/// The token of candidate `number`; -1 where there is none.
__device__ inline std::int32_t candidate(const SelectLevel& p, const SelectBlock& block, std::int64_t number) {
  if (number >= block.candidates) return -1;
  if (!p.d_parent_lists) return static_cast<std::int32_t>(number);
  // Candidates are fewer than the level's keys and a block: 32 bits hold them, and divide faster.
  const auto n = static_cast<std::uint32_t>(number), family = static_cast<std::uint32_t>(p.family);
  const std::int32_t chosen = p.d_parent_lists[(block.head * p.parents + block.parent) * p.parent_width + n / family];
  const std::int64_t token = chosen * p.block_size + n % family;
  return chosen >= 0 && token < p.keys ? static_cast<std::int32_t>(token) : -1;
}

/// Scores of 16 queries x 64 candidates into shared memory, ends with a barrier. Each thread makes 2 x 4 of them.
__device__ inline void score_tile(const SelectLevel& p, const SelectBlock& block, std::int64_t begin) {
  using namespace select_tile;
  constexpr Layout at = layout();
  const Shared<float4> query(at.query, select_tile::queries * row / 4), key(at.key, select_tile::keys * row / 4);
  const Shared<float> score(at.score, select_tile::queries * (select_tile::keys + 1));
  const Shared<std::int32_t> token(at.token, select_tile::keys);
  const int t = static_cast<int>(threadIdx.x), column = t % 16, line = t / 16;
  if (t < select_tile::keys) token[t] = candidate(p, block, begin + t);
  __syncthreads();

  float sum[2][4] = {};
  for (int d0 = 0; d0 < p.dim; d0 += dims) {
    const int pieces = min(dims, p.dim - d0) / 4;
    if (column < pieces) {  // 16 threads to a row
      const float* const from_query = p.d_query + block.head * p.queries * p.dim + d0 + column * 4;
      const float* const from_key = p.d_key + block.head * p.keys * p.dim + d0 + column * 4;
#pragma unroll
      for (int i = 0; i < select_tile::queries; i += threads / 16)
        query[(line + i) * (row / 4) + column] =
            *reinterpret_cast<const float4*>(from_query + min(block.first + line + i, block.end - 1) * p.dim);
#pragma unroll
      for (int i = 0; i < select_tile::keys; i += threads / 16)
        key[(line + i) * (row / 4) + column] =
            *reinterpret_cast<const float4*>(from_key + static_cast<std::int64_t>(max(token[line + i], 0)) * p.dim);
    }
    __syncthreads();
#pragma unroll 8
    for (int piece = 0; piece < pieces; ++piece) {
      float4 q[2], k[4];
#pragma unroll
      for (int i = 0; i < 2; ++i) q[i] = query[(line + 8 * i) * (row / 4) + piece];
#pragma unroll
      for (int j = 0; j < 4; ++j) k[j] = key[(column + 16 * j) * (row / 4) + piece];
#pragma unroll
      for (int i = 0; i < 2; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j)
          sum[i][j] = fmaf(q[i].w, k[j].w, fmaf(q[i].z, k[j].z, fmaf(q[i].y, k[j].y, fmaf(q[i].x, k[j].x, sum[i][j]))));
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 2; ++i)
#pragma unroll
    for (int j = 0; j < 4; ++j) score[(line + 8 * i) * (select_tile::keys + 1) + column + 16 * j] = sum[i][j];
  __syncthreads();
}

/// A block takes 16 sibling queries past all their candidates, 64 at a time: scores into shared memory, then every warp
/// offers those of its four queries to running lists in registers. Lists longer than 32 * Words are found in rounds,
/// each admitting only candidates that rank behind the last one found.
template <int Words>
struct SelectKernel {
  static constexpr int threads = select_tile::threads;
  static constexpr int blocks_per_sm = 4;
  static constexpr int warp_queries = select_tile::queries / (threads / 32);

  __device__ void operator()(const SelectLevel& p) const {
    const SelectBlock block(p);
    if (block.first >= block.end) return;
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(lane_id());

    std::uint64_t found[warp_queries] = {};  // the last key of the rounds before; every key is larger than 0
    for (std::int64_t place = 0; place < p.width; place += 32 * Words) {
      TopList<Words> best[warp_queries];
      const int wanted = static_cast<int>(min(p.width - place, std::int64_t{32 * Words}));
#pragma unroll
      for (int i = 0; i < warp_queries; ++i) best[i] = TopList<Words>(wanted);
      for (std::int64_t begin = 0; begin < block.candidates; begin += select_tile::keys) {
        score_tile(p, block, begin);
        offer_tile(warp, lane, found, best);
        __syncthreads();
      }
#pragma unroll
      for (int i = 0; i < warp_queries; ++i) {
        const std::int64_t query = block.first + warp * warp_queries + i;
        std::int32_t* list = p.d_lists + (block.head * p.queries + query) * p.width + place;
#pragma unroll
        for (int w = 0; w < Words; ++w)
          if (query < block.end && place + w * 32 + lane < p.width) list[w * 32 + lane] = token_of(best[i].key(w));
        found[i] = best[i].worst();
      }
    }
  }

 private:
  __device__ static void offer_tile(int warp, int lane, const std::uint64_t (&found)[warp_queries],
                                    TopList<Words> (&best)[warp_queries]) {
    using namespace select_tile;
    constexpr Layout at = layout();
    const Shared<float> score(at.score, select_tile::queries * (select_tile::keys + 1));
    const Shared<std::int32_t> token(at.token, select_tile::keys);
#pragma unroll
    for (int i = 0; i < warp_queries; ++i)
#pragma unroll
      for (int part = 0; part < select_tile::keys; part += 32) {
        const std::int32_t id = token[part + lane];
        const std::uint64_t key =
            rank_key(score[(warp * warp_queries + i) * (select_tile::keys + 1) + part + lane], id);
        best[i].offer(id >= 0 && key > found[i] ? key : no_key);
      }
  }
};

/// The same for lists of at most 8: a warp keeps those of its four queries side by side, 8 lanes to a query.
struct SelectShortKernel {
  static constexpr int threads = select_tile::threads;
  static constexpr int blocks_per_sm = 4;

  __device__ void operator()(const SelectLevel& p) const {
    using namespace select_tile;
    static_assert(queries == threads / GroupList::lanes);
    constexpr Layout at = layout();
    const Shared<float> score(at.score, queries * (keys + 1));
    const Shared<std::int32_t> token(at.token, keys);
    const SelectBlock block(p);
    if (block.first >= block.end) return;
    const int own = static_cast<int>(threadIdx.x) / GroupList::lanes;
    const int lane = static_cast<int>(threadIdx.x) % GroupList::lanes;

    GroupList best;
    for (std::int64_t begin = 0; begin < block.candidates; begin += keys) {
      score_tile(p, block, begin);
      std::uint64_t offered[GroupList::entries];
#pragma unroll
      for (int i = 0; i < GroupList::entries; ++i) {
        const int column = i * GroupList::lanes + lane;
        const std::int32_t id = token[column];
        offered[i] = id >= 0 ? rank_key(score[own * (keys + 1) + column], id) : no_key;
      }
      best.offer(offered);
      __syncthreads();
    }
    if (block.first + own >= block.end) return;
    std::int32_t* list = p.d_lists + (block.head * p.queries + block.first + own) * p.width;
#pragma unroll
    for (int i = 0; i < GroupList::entries; ++i)
      if (i == lane && i < p.width) list[i] = token_of(best.key(i));
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

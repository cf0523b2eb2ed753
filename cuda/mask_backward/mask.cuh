#pragma once

#include "cuda/attend_backward/key_tiles.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

struct MaskParams {
  Level level;
  std::int64_t heads;
  const std::int32_t* d_lists;  ///< of the level: [heads, queries, width]
  std::uint8_t* d_mask;         ///< [heads, keys, queries], zero before
};

/// Marks (key, query) where the query's list names the key: one thread for each list entry.
struct MarkMask {
  static constexpr int threads = 256, blocks_per_sm = 0;
  __device__ void operator()(const MaskParams& p) const {
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * threads + threadIdx.x;
    const std::int64_t query = i / p.level.width;  // of all heads
    if (query >= p.heads * p.level.queries) return;
    const std::int32_t key = p.d_lists[i];
    if (key < 0) return;
    const std::int64_t head = query / p.level.queries;
    p.d_mask[(head * p.level.keys + key) * p.level.queries + query % p.level.queries] = 1;
  }
};

/// Hands `run(d_entries, begin, end)` the slots of a tile by scanning its parent's row of the mask: marked queries are
/// gathered in shared memory, in ascending order, and handed on when the room is used up and at the end.
struct MaskedQueries {
  static constexpr bool tuned = false;
  static constexpr int threads = FmaTile::threads, warps = threads / 32;
  static constexpr std::size_t room = 1024, shared_entries = room + warps;

  template <class T, class Run>
  __device__ static void visit(const KeyGradientParams<T>& params, const KeyTile& tile, std::size_t at, Run run) {
    const KeyPlan& plan = params.plan;
    if (!plan.listed) return run(nullptr, tile.begin, tile.end);
    const Shared<std::int32_t> entries(at, shared_entries);
    const std::int64_t queries = params.problem.levels.level[plan.level + 1].queries;
    const std::uint8_t* d_row = params.d_mask + (tile.head * plan.parents + tile.parent) * queries;
    const unsigned warp = threadIdx.x / 32;
    int marked = 0;  // the same in every thread
    for (std::int64_t first = 0; first < queries; first += threads) {
      const std::int64_t query = first + threadIdx.x;
      const bool mine = query < queries && d_row[query] != 0;
      const unsigned votes = __ballot_sync(full_warp, mine);
      if (lane_id() == 0) entries[room + warp] = __popc(votes);
      __syncthreads();
      int place = marked + __popc(votes & ((1u << lane_id()) - 1));
      for (unsigned w = 0; w < warps; ++w) {
        const int count = entries[room + w];
        if (w < warp) place += count;
        marked += count;
      }
      if (mine) entries[static_cast<std::size_t>(place)] = static_cast<std::int32_t>(query);
      __syncthreads();
      if (marked + threads > static_cast<int>(room) || first + threads >= queries) {
        run(entries.data(), std::int64_t{0}, marked * plan.entry_slots);
        marked = 0;
        __syncthreads();
      }
    }
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

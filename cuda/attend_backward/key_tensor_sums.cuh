#pragma once

#include "cuda/attend/tensor_tiles.cuh"
#include "cuda/attend_backward/statistics.cuh"

// The sums of the key-major tensor-core kernel, and the pairs of keys and queries that coverage leaves out of them.
namespace llsa::cuda::inline LLSA_WORLD {

/// Which of the 16 key tokens from `first` on `query` drops, as bits.
template <class T>
__device__ inline unsigned dropped_keys(const AttendProblem<T>& p, int level, std::int64_t head, std::int64_t query,
                                        std::int64_t first) {
  const std::int32_t* d_list = list_of(p, level, head, query);
  unsigned result = 0;
  for (std::int64_t i = 0; i < p.levels.level[level].width; ++i) {
    const std::int64_t place = d_list[i] - first;
    if (place >= 0 && place < 16) result |= 1u << place;
  }
  return result;
}

/// The pairs of a step that coverage drops: of 16 keys (rows) and 16 queries (columns).
///
/// Their probability is 0, but 0 times a NaN is not: a sum over whole columns would let a query's NaN reach a key that
/// it does not attend to. Where a query drops keys and has any number that is not finite, which shows in its
/// statistics, it is summed on its own. (Its LSE is not finite when its Q is not: every score is NaN or infinite. Its
/// delta is not finite when its dO is not.)
struct DroppedPairs {
  unsigned keys = 0;   ///< lanes 0 to 15: the keys that this lane's query drops
  unsigned alone = 0;  ///< queries that are summed on their own

  /// By all lanes of a warp, which give what query lane % 16 drops.
  __device__ __forceinline__ void find(unsigned dropped, const QueryStatistics& query) {
    keys = dropped;
    alone = sixteen &
            __ballot_sync(full_warp, keys != 0 && !(fabsf(query.lse2) < INFINITY && fabsf(query.delta) < INFINITY));
  }
  /// The keys that query `column` drops; in all lanes.
  __device__ unsigned of(int column) const { return __shfl_sync(full_warp, keys, column); }

  /// The first sum of a step: all queries but those that are summed on their own. Then theirs follow, `rest` being
  /// those that are still to come.
  __device__ SumOf first_sum() const { return {sixteen & ~alone, true, true, alone == 0}; }
  __device__ SumOf next_sum(unsigned& rest, int lane) const {
    const int column = __ffs(static_cast<int>(rest)) - 1;
    rest &= rest - 1;
    const unsigned dropped = of(column);
    return {1u << column, !(dropped >> lane / 4 & 1u), !(dropped >> (lane / 4 + 8) & 1u), false};
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

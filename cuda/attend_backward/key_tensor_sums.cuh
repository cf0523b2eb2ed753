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
  unsigned mine = 0;    ///< lanes 0 to 15: the keys that this lane's query drops
  unsigned of[4] = {};  ///< the same for this lane's columns of two C fragments
  unsigned alone = 0;   ///< queries that are summed on their own

  /// By all lanes of a warp, which give what query lane % 16 drops.
  __device__ __forceinline__ void find(unsigned keys, const QueryStatistics& query, int lane) {
    mine = keys;
    if (__ballot_sync(full_warp, keys != 0) == 0) return;
#pragma unroll
    for (int i = 0; i < 4; ++i) of[i] = __shfl_sync(full_warp, mine, KeyStep::column(4 * (i / 2) + i % 2, lane));
    alone = __ballot_sync(full_warp, keys != 0 && !(fabsf(query.lse2) < INFINITY && fabsf(query.delta) < INFINITY)) &
            sixteen;
  }
  /// Whether element `i` of two neighbouring C fragments is dropped.
  __device__ bool has(int i, int lane) const { return of[i / 4 * 2 + i % 2] >> (lane / 4 + 8 * (i / 2 % 2)) & 1u; }
};

/// dK (before scaling) and dV of a warp's 16 keys: `dim` dimensions of each.
template <class T, int dim, int pitch>
struct KeySums {
  FragmentC key[dim / 8], value[dim / 8];

  /// Adds what 16 queries give. Their vectors lie `pitch` apart.
  __device__ __forceinline__ void add(const FragmentC (&share)[2], const FragmentC (&slope)[2], const T* queries,
                                      const T* gradients, const DroppedPairs& dropped, int lane) {
    SumOf of;
    of.tokens = sixteen & ~dropped.alone;
    of.whole = dropped.alone == 0;
    for (unsigned rest = dropped.alone;; rest &= rest - 1) {
      tensor_sums<T, dim, pitch>(value, weights(share, of, lane), gradients, of, lane);
      tensor_sums<T, dim, pitch>(key, weights(slope, of, lane), queries, of, lane);
      if (rest == 0) return;
      const int column = __ffs(static_cast<int>(rest)) - 1;
      const unsigned keys = __shfl_sync(full_warp, dropped.mine, column);
      of.tokens = 1u << column;
      of.upper = !(keys >> lane / 4 & 1u);
      of.lower = !(keys >> (lane / 4 + 8) & 1u);
    }
  }

 private:
  __device__ __forceinline__ static FragmentA weights(const FragmentC (&all)[2], const SumOf& of, int lane) {
    if (of.whole) return as_a<T>(all[0], all[1]);
    FragmentC some[2] = {all[0], all[1]};
#pragma unroll
    for (int i = 0; i < 8; ++i)
      if (!(of.tokens >> KeyStep::column(i, lane) & 1u)) some[i / 4].value[i % 4] = 0;
    return as_a<T>(some[0], some[1]);
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

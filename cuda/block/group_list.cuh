#pragma once

#include "cuda/block/top_list.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// The 8 smallest keys that 8 neighbouring lanes have seen, ascending, in registers of each of them: a warp keeps four
/// lists at once. Short lists are the usual ones, and `TopList` spends as much on 8 entries as on 32.
class GroupList {
 public:
  static constexpr int lanes = 8, entries = 8;

  __device__ GroupList() {
#pragma unroll
    for (int i = 0; i < entries; ++i) list_[i] = no_key;
  }

  __device__ std::uint64_t key(int entry) const { return list_[entry]; }

  /// Offers 8 keys from each lane, which are overwritten; all lanes of the warp must call it.
  __device__ void offer(std::uint64_t (&keys)[entries]) {
    std::uint64_t best = keys[0];
#pragma unroll
    for (int i = 1; i < entries; ++i) best = min(best, keys[i]);
    if (__ballot_sync(full_warp, best < list_[entries - 1]) == 0) return;
    sort(keys);
#pragma unroll
    for (int distance = 1; distance < lanes; distance *= 2) {
      std::uint64_t others[entries];
#pragma unroll
      for (int i = 0; i < entries; ++i) others[i] = __shfl_xor_sync(full_warp, keys[i], distance);
      take_smaller(keys, others);
    }
    take_smaller(list_, keys);
  }

 private:
  __device__ static void order(std::uint64_t& low, std::uint64_t& high) {
    const std::uint64_t a = low, b = high;
    low = min(a, b);
    high = max(a, b);
  }

  /// The network of 19 comparisons, the fewest for 8 keys.
  __device__ static void sort(std::uint64_t (&keys)[entries]) {
    constexpr int pairs[19][2] = {{0, 2}, {1, 3}, {4, 6}, {5, 7}, {0, 4}, {1, 5}, {2, 6}, {3, 7}, {0, 1}, {2, 3},
                                  {4, 5}, {6, 7}, {2, 4}, {3, 5}, {1, 4}, {3, 6}, {1, 2}, {3, 4}, {5, 6}};
#pragma unroll
    for (int i = 0; i < 19; ++i) order(keys[pairs[i][0]], keys[pairs[i][1]]);
  }

  /// `a` becomes the 8 smallest of two ordered lists, in order: against the second read backwards the smaller of each
  /// pair are one bitonic sequence.
  __device__ static void take_smaller(std::uint64_t (&a)[entries], const std::uint64_t (&b)[entries]) {
#pragma unroll
    for (int i = 0; i < entries; ++i) a[i] = min(a[i], b[entries - 1 - i]);
#pragma unroll
    for (int distance = entries / 2; distance > 0; distance /= 2)
#pragma unroll
      for (int i = 0; i < entries; ++i)
        if ((i & distance) == 0) order(a[i], a[i + distance]);
  }

  std::uint64_t list_[entries];
};

}  // namespace llsa::cuda::inline LLSA_WORLD

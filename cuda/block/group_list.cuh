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

  /// One bitonic sequence into order.
  __device__ static void merge(std::uint64_t (&keys)[entries], int begin, int size) {
#pragma unroll
    for (int distance = size / 2; distance > 0; distance /= 2)
#pragma unroll
      for (int i = begin; i < begin + size; ++i)
        if (((i - begin) & distance) == 0) order(keys[i], keys[i + distance]);
  }

  /// Halves in order are one bitonic sequence when the second is read backwards.
  __device__ static void sort(std::uint64_t (&keys)[entries]) {
#pragma unroll
    for (int size = 2; size <= entries; size *= 2)
#pragma unroll
      for (int begin = 0; begin < entries; begin += size) {
#pragma unroll
        for (int i = 0; i < size / 2; ++i) order(keys[begin + i], keys[begin + size - 1 - i]);
        merge(keys, begin, size / 2);
        merge(keys, begin + size / 2, size / 2);
      }
  }

  /// `a` becomes the 8 smallest of two ordered lists, in order.
  __device__ static void take_smaller(std::uint64_t (&a)[entries], const std::uint64_t (&b)[entries]) {
#pragma unroll
    for (int i = 0; i < entries; ++i) a[i] = min(a[i], b[entries - 1 - i]);
    merge(a, 0, entries);
  }

  std::uint64_t list_[entries];
};

}  // namespace llsa::cuda::inline LLSA_WORLD

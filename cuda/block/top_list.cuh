#pragma once

#include "cuda/kernel.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// A score and its token as one integer: a smaller key is a better candidate. Higher scores first, -0 as 0, ties to the
/// lower token, NaN behind everything (spec section 3). Keys of different tokens differ.
__device__ inline std::uint64_t rank_key(float score, std::int32_t token) {
  const std::uint32_t bits = __float_as_uint(score + 0.0f);  // -0 + 0 is +0
  // Of floats below zero the bits rise as the value falls; of the others all but the sign must be turned around.
  const std::uint32_t falling = static_cast<std::int32_t>(bits) < 0 ? bits : bits ^ 0x7fffffffu;
  const std::uint32_t descending = score != score ? 0xffffffffu : falling;
  return static_cast<std::uint64_t>(descending) << 32 | static_cast<std::uint32_t>(token);
}

/// Larger than every key: no candidate.
inline constexpr std::uint64_t no_key = 0xffffffffffffffffull;

__device__ inline std::int32_t token_of(std::uint64_t key) {
  return key == no_key ? -1 : static_cast<std::int32_t>(key & 0xffffffffu);
}

/// The smallest `wanted` keys seen by a warp, at most 32 * Words, sorted ascending, entry i in word i / 32 of lane
/// i % 32; what follows them is no promise. CUB's warp sort goes through shared memory and knows no running list;
/// merging bitonically, or inserting the few keys that pass the bar, needs registers and shuffles only.
template <int Words>
class TopList {
 public:
  __device__ explicit TopList(int wanted = 32 * Words) : wanted_(wanted) {
#pragma unroll
    for (int w = 0; w < Words; ++w) key_[w] = no_key;
  }

  __device__ std::uint64_t key(int word) const { return key_[word]; }
  /// The worst of the wanted keys, in every lane.
  __device__ std::uint64_t worst() const {
    std::uint64_t key = key_[0];
    if constexpr (Words == 2) key = wanted_ > 32 ? key_[1] : key_[0];
    return __shfl_sync(full_warp, key, (wanted_ - 1) % 32);
  }

  /// Offers one key from each lane; all lanes of the warp must call it.
  __device__ void offer(std::uint64_t key) {
    static_assert(Words <= 2);
    const unsigned better = __ballot_sync(full_warp, key < worst());
    if (better == 0) return;
    if (Words == 1 && __popc(better) <= few) return insert(key, better);
    sort(key);
    // Against the reversed newcomers the lower of each pair is among the best, and together they are bitonic.
    const std::uint64_t reversed = __shfl_xor_sync(full_warp, key, 31);
    key_[Words - 1] = min(key_[Words - 1], reversed);
#pragma unroll
    for (int half = Words / 2; half > 0; half /= 2)
#pragma unroll
      for (int w = 0; w < Words; ++w)
        if ((w & half) == 0) {
          const std::uint64_t low = key_[w], high = key_[w + half];
          key_[w] = min(low, high);
          key_[w + half] = max(low, high);
        }
#pragma unroll
    for (int w = 0; w < Words; ++w) merge(key_[w], 16, 0);
  }

 private:
  static constexpr int few = 10;  ///< newcomers that are cheaper inserted one by one than sorted and merged

  /// Inserts the keys of the lanes in `from`.
  __device__ void insert(std::uint64_t key, unsigned from) {
    const int lane = static_cast<int>(lane_id());
    for (; from != 0; from &= from - 1) {
      const std::uint64_t next = __shfl_sync(full_warp, key, __ffs(static_cast<int>(from)) - 1);
      const int place = __popc(__ballot_sync(full_warp, key_[0] < next));
      const std::uint64_t before = __shfl_up_sync(full_warp, key_[0], 1);
      if (lane >= place) key_[0] = lane == place ? next : before;
    }
  }

  /// One bitonic sequence of the lanes into order; `bit` of the lane number set means descending (0: never).
  __device__ static void merge(std::uint64_t& key, int distance, unsigned bit) {
    const unsigned lane = lane_id();
#pragma unroll
    for (int step = distance; step > 0; step /= 2) {
      const std::uint64_t other = __shfl_xor_sync(full_warp, key, step);
      const bool keep_low = ((lane & static_cast<unsigned>(step)) == 0) == ((lane & bit) == 0);
      key = keep_low ? min(key, other) : max(key, other);
    }
  }

  __device__ static void sort(std::uint64_t& key) {
#pragma unroll
    for (int size = 2; size <= 32; size *= 2) merge(key, size / 2, size == 32 ? 0u : static_cast<unsigned>(size));
  }

  int wanted_;
  std::uint64_t key_[Words];
};

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include "cuda/attend/problem.hpp"
#include "cuda/kernel.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// The keys of one level that a query attends to, before coverage drops any: the children of what its list of the level
/// above names, in the order of that list, or at the coarsest level all keys. They are numbered by slots; a slot may be
/// empty (a list's end, a ragged tail).
struct LevelKeys {
  const std::int32_t* d_parents;  ///< null at the coarsest level
  std::uint32_t slots;            ///< below 2^32: all but one of the parents have all their children
  std::int32_t children;          ///< slots of a parent
  std::int32_t tokens;            ///< T_l

  /// The key token of a slot, or -1.
  __device__ std::int32_t token(std::uint32_t slot) const {
    if (slot >= slots) return -1;
    if (!d_parents) return static_cast<std::int32_t>(slot);
    const auto size = static_cast<std::uint32_t>(children);
    const std::int32_t parent = d_parents[slot / size];
    if (parent < 0) return -1;
    const std::int64_t result = std::int64_t{parent} * children + slot % size;
    return result < tokens ? static_cast<std::int32_t>(result) : -1;
  }

  /// The slots up to a list's end. All lanes of a warp must call; not at the coarsest level.
  __device__ std::uint32_t listed(int lane) const {
    const int width = static_cast<int>(slots / static_cast<std::uint32_t>(children));
    int count = 0;
    for (int first = 0; first < width; first += 32)
      count += __popc(__ballot_sync(full_warp, first + lane < width && d_parents[first + lane] >= 0));
    return static_cast<std::uint32_t>(count) * static_cast<std::uint32_t>(children);
  }
};

/// The list of `query`'s ancestor at `level` (1..L).
template <class T>
__device__ inline const std::int32_t* list_of(const AttendProblem<T>& p, int level, std::int64_t head,
                                              std::int64_t query) {
  const Level& at = p.levels.level[level];
  const unsigned ancestor = static_cast<unsigned>(query) / static_cast<unsigned>(at.query_span);
  return p.d_lists + at.list + (head * at.queries + ancestor) * at.width;
}

/// `level` is 0 for the fine keys.
template <class T>
__device__ inline LevelKeys keys_of(const AttendProblem<T>& p, int level, std::int64_t head, std::int64_t query) {
  const std::int32_t tokens = p.levels.level[level].keys;
  // A block larger than the level has one parent only.
  const auto children = static_cast<std::int32_t>(min(p.levels.block_size, std::int64_t{tokens}));
  if (level == p.levels.levels) return {nullptr, static_cast<std::uint32_t>(tokens), children, tokens};
  const auto slots = static_cast<std::uint32_t>(p.levels.level[level + 1].width) * static_cast<std::uint32_t>(children);
  return {list_of(p, level + 1, head, query), slots, children, tokens};
}

/// Whether disjoint coverage drops coarse key `token` of `level` for `query`: it was refined there (spec section 6).
template <class T>
__device__ inline bool is_dropped(const AttendProblem<T>& p, int level, std::int64_t head, std::int64_t query,
                                  std::int64_t token) {
  if (!p.disjoint || level == 0) return false;
  const std::int32_t* d_list = list_of(p, level, head, query);
  for (std::int64_t i = 0; i < p.levels.level[level].width; ++i)
    if (d_list[i] == token) return true;
  return false;
}

/// How many fine tokens `token` of `level` stands for.
template <class T>
__device__ inline float key_count(const AttendProblem<T>& p, int level, std::int64_t token) {
  const std::int64_t span = p.levels.level[level].key_span;
  return static_cast<float>(min(span, p.levels.level[0].keys - token * span));
}

/// log2 of a key's weight, added to its scores (which are in base 2 inside kernels).
template <class T>
__device__ inline float log2_weight(const AttendProblem<T>& p, int level, std::int64_t token) {
  return p.reweight && level > 0 ? log2f(key_count(p, level, token)) : 0.0f;
}

template <class T>
__device__ inline const T* key_rows(const AttendProblem<T>& p, int level, std::int64_t head) {
  const Level& at = p.levels.level[level];
  return level == 0 ? p.d_key + head * at.keys * p.head_dim
                    : p.d_coarse_key + (at.key_row + head * at.keys) * p.head_dim;
}
template <class T>
__device__ inline const T* value_rows(const AttendProblem<T>& p, int level, std::int64_t head) {
  const Level& at = p.levels.level[level];
  return level == 0 ? p.d_value + head * at.keys * p.value_dim
                    : p.d_coarse_value + (at.key_row + head * at.keys) * p.value_dim;
}

inline constexpr float log2_of_e = 1.4426950408889634f;
inline constexpr float ln_of_2 = 0.6931471805599453f;

}  // namespace llsa::cuda::inline LLSA_WORLD

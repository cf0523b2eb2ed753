#pragma once

#include "cuda/attend_backward/key_plan.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// Where the slots of a parent lie among its head's.
template <class T>
struct ParentSlots {
  const KeyGradientParams<T>& params;
  std::int64_t head;

  __device__ const std::int64_t* offsets() const { return params.d_offsets + head * params.plan.parents; }
  __device__ std::int64_t begin(std::int64_t parent) const {
    const KeyPlan& plan = params.plan;
    if (!plan.listed) return parent * params.problem.levels.level[0].queries;
    return (offsets()[parent] - offsets()[0]) * plan.entry_slots;
  }
  __device__ std::int64_t total() const { return begin(params.plan.parents); }

  /// The parent that owns `slot < total()`: the last that begins at or before it.
  __device__ std::int64_t owner(std::int64_t slot) const {
    std::int64_t low = 0, high = params.plan.parents - 1;
    while (low < high) {
      const std::int64_t middle = (low + high + 1) / 2;
      if (begin(middle) <= slot)
        low = middle;
      else
        high = middle - 1;
    }
    return low;
  }
};

/// What one thread block works on: a tile of keys of one parent and a range of that parent's query slots.
struct KeyTile {
  std::int64_t head = 0, parent = -1;  ///< no work when parent < 0
  std::int64_t tile = 0;               ///< of the parent
  std::int64_t first = 0;              ///< key token
  int count = 0;                       ///< keys; rows beyond are padding
  std::int64_t begin = 0, end = 0;     ///< slots, counted from the parent's first
  std::int64_t place = -1;             ///< where the sums go, -1 for the gradient itself
};

template <class T>
__device__ inline void set_keys(KeyTile& tile, const KeyGradientParams<T>& params) {
  const KeyPlan& plan = params.plan;
  const std::int64_t within = tile.tile * plan.tile_keys;
  tile.first = tile.parent * plan.keys_per_parent + within;
  const std::int64_t keys = params.problem.levels.level[plan.level].keys;
  const std::int64_t end =
      min(tile.parent * plan.keys_per_parent + min(within + plan.tile_keys, plan.keys_per_parent), keys);
  tile.count = static_cast<int>(max(end - tile.first, std::int64_t{0}));
}

/// The work of thread block `number`: first the parts of long lists, which take longest, then one block for each tile.
template <class T>
__device__ inline KeyTile key_tile(const KeyGradientParams<T>& params, std::int64_t number) {
  const KeyPlan& plan = params.plan;
  KeyTile tile;
  tile.head = number / plan.blocks_per_head();
  const std::int64_t within = number % plan.blocks_per_head(), item = within / plan.tiles_per_parent;
  tile.tile = within % plan.tiles_per_parent;
  const ParentSlots<T> slots{params, tile.head};

  if (item >= plan.places) {
    const std::int64_t parent = item - plan.places;
    // A mask does not tell how long its rows' lists are; they are not cut then.
    const std::int64_t length = plan.listed && params.d_mask ? 0 : slots.begin(parent + 1) - slots.begin(parent);
    if (length > plan.part_slots) return tile;
    tile.parent = parent;
    tile.end = length;
  } else {
    const std::int64_t window = item * plan.part_slots;
    if (window >= slots.total()) return tile;
    // A part starts here either of the parent that owns the window's end or of the one that owns its beginning; parents
    // in between are shorter than a part.
    const std::int64_t last = min(window + plan.part_slots, slots.total()) - 1;
    std::int64_t parent = slots.owner(last);
    std::int64_t part = (last - slots.begin(parent)) / plan.part_slots;
    if (part == 0 || slots.begin(parent) + part * plan.part_slots < window) {
      parent = slots.owner(window);
      part = (window - slots.begin(parent) + plan.part_slots - 1) / plan.part_slots;
    }
    const std::int64_t length = slots.begin(parent + 1) - slots.begin(parent);
    if (part == 0 || part * plan.part_slots >= length) return tile;
    tile.parent = parent;
    tile.begin = part == 1 ? 0 : part * plan.part_slots;
    tile.end = min((part + 1) * plan.part_slots, length);
    tile.place = item;
  }
  set_keys(tile, params);
  if (tile.count <= 0) tile.parent = -1;
  return tile;
}

/// The query of a slot, or -1. `d_entries` are a parent's list entries (null: every query).
template <class T>
__device__ inline std::int64_t query_of(const KeyGradientParams<T>& params, const std::int32_t* d_entries,
                                        std::int64_t slot) {
  const std::int64_t queries = params.problem.levels.level[0].queries;
  if (!d_entries) return slot < queries ? slot : -1;
  // A parent's slots stay below 2^32: only the last of the ascending entries can reach beyond the queries.
  const auto place = static_cast<std::uint32_t>(slot), wide = static_cast<std::uint32_t>(params.plan.entry_slots);
  const std::int64_t query = d_entries[place / wide] * params.plan.entry_slots + place % wide;
  return query < queries ? query : -1;
}

/// Hands `run(d_entries, begin, end)` the slots of a tile, from the transposed selection.
struct ListedQueries {
  static constexpr bool tuned = true;
  static constexpr std::size_t shared_entries = 0;
  template <class T, class Run>
  __device__ static void visit(const KeyGradientParams<T>& params, const KeyTile& tile, std::size_t, Run run) {
    const std::int32_t* d_entries = nullptr;
    if (params.plan.listed)
      d_entries = params.d_query_indices + params.d_offsets[tile.head * params.plan.parents + tile.parent];
    run(d_entries, tile.begin, tile.end);
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

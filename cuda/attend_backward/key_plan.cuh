#pragma once

#include <cstdint>

#include "cuda/attend/fma_tile.cuh"
#include "cuda/attend_backward/statistics.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// How the key-major work of one level is cut up. Keys of one parent are attended to by the same queries: those whose
/// level-above ancestor lists the parent (at the coarsest level: all queries; "parents" are then runs of keys of one
/// tile). So a parent has a row of query *slots*: its list entries, each as wide as an entry's fine queries.
///
/// Slots of a head are numbered through, parent after parent. A parent with more than `part_slots` slots is cut at
/// every multiple of `part_slots` from its own first slot; its sums then go to places of the workspace and are added in
/// order. The part that starts in slots `[k * part_slots, (k + 1) * part_slots)` of the head has place k: two starts
/// are at least `part_slots` apart, because a parent's first two parts are one. So places need no counting and no scan,
/// and how a parent is cut depends on its own list alone.
struct KeyPlan {
  std::int32_t level;            ///< whose keys: 0..Le
  bool listed;                   ///< false at the coarsest level
  std::int32_t parents;          ///< of a head
  std::int64_t keys_per_parent;  ///< B, or `tile_keys` at the coarsest level
  std::int32_t tile_keys;        ///< keys that a thread block takes
  std::int64_t tiles_per_parent;
  std::int64_t entry_slots;  ///< fine queries of a list entry
  std::int64_t part_slots;
  std::int64_t places;  ///< of a head

  __host__ __device__ std::int64_t blocks_per_head() const { return (places + parents) * tiles_per_parent; }
  /// Floats of the workspace that hold the parts of one head.
  std::int64_t part_floats(int dims) const { return places * tiles_per_parent * tile_keys * dims; }
};

/// The plan for `level` with tiles of at most `tile_keys` keys. `split == false` gives every parent to one thread block
/// for each of its tiles, however many queries it has.
KeyPlan make_key_plan(const Levels& levels, int level, int tile_keys, bool split);

/// The tile that the tensor-core kernels take: as much of a parent as four warps of 16 keys can hold, and at the
/// coarsest level always 64.
int tensor_tile_keys(const Levels& levels, int level);

/// How the tensor-core kernel streams queries through shared memory. The bits of its results do not depend on it.
struct QueryStages {
  std::int32_t columns;  ///< queries of a stage: 64, 32 or 16, at least 16 for each warp that shares keys
  std::int32_t count;    ///< stages: 2, or 1 where room is short and nothing is loaded ahead
};

template <class T>
struct KeyGradientParams {
  AttendProblem<T> problem;
  KeyPlan plan;
  QueryStages stages;                   ///< set by the launcher
  const T* d_output_gradient;           ///< dO [heads, Nq, Dv]
  const QueryStatistics* d_statistics;  ///< [heads, Nq]
  const std::int64_t* d_offsets;        ///< of the level above: [heads * parents + 1]; not read at the coarsest level
  const std::int32_t* d_query_indices;  ///< of the level above
  const std::uint8_t* d_mask;           ///< mask-based baseline only: [heads, parents, queries of the level above]
  float* d_parts;                       ///< [heads, places, tiles_per_parent * tile_keys, D + Dv]
  const float* d_inherited;             ///< what parents hand down to each child, [heads, T_{level+1}, D + Dv], or null
  float* d_handed_down;                 ///< level > 0: this level's, [heads, T_level, D + Dv]
  T* d_key_gradient;                    ///< level 0: dK [heads, Nk, D]
  T* d_value_gradient;                  ///< level 0: dV [heads, Nk, Dv]
};

}  // namespace llsa::cuda::inline LLSA_WORLD

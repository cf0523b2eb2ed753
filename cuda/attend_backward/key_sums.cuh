#pragma once

#include "cuda/attend_backward/key_tiles.cuh"

// Where the sums of the key-major kernels go.
namespace llsa::cuda::inline LLSA_WORLD {

/// Writes `n` neighbouring sums of a key: `row` of the tile, `d` in [0, D) for dK before scaling, [D, D + Dv) for dV.
template <class T, int n>
__device__ inline void put(const KeyGradientParams<T>& params, const KeyTile& tile, int row, int d,
                           const float (&sums)[n]) {
  const AttendProblem<T>& p = params.problem;
  const KeyPlan& plan = params.plan;
  const int dims = p.head_dim + p.value_dim;
  if (tile.place >= 0) {
    const std::int64_t at = (tile.head * plan.places + tile.place) * plan.tiles_per_parent + tile.tile;
    float* d_part = params.d_parts + (at * plan.tile_keys + row) * dims + d;
#pragma unroll
    for (int i = 0; i < n; ++i) d_part[i] = sums[i];
    return;
  }
  const std::int64_t token = tile.first + row, keys = p.levels.level[plan.level].keys;
  // The mean hands each token below an equal share; a share passes through every level unchanged.
  const float factor = (d < p.head_dim ? p.scale : 1.0f) / (plan.level > 0 ? key_count(p, plan.level, token) : 1.0f);
  const float* d_inherited = nullptr;
  if (params.d_inherited) {
    const std::int64_t above = p.levels.level[plan.level + 1].keys;
    d_inherited = params.d_inherited + (tile.head * above + token / p.levels.block_size) * dims + d;
  }
  float values[n];
#pragma unroll
  for (int i = 0; i < n; ++i) values[i] = sums[i] * factor + (d_inherited ? d_inherited[i] : 0.0f);
  const std::int64_t key = tile.head * keys + token;
  if (plan.level > 0) {
#pragma unroll
    for (int i = 0; i < n; ++i) params.d_handed_down[key * dims + d + i] = values[i];
  } else {
    T* d_to = d < p.head_dim ? params.d_key_gradient + key * p.head_dim + d
                             : params.d_value_gradient + key * p.value_dim + d - p.head_dim;
    struct alignas(n * sizeof(T)) Elements {
      T element[n];
    } rounded;
#pragma unroll
    for (int i = 0; i < n; ++i) rounded.element[i] = from_float<T>(values[i]);
    *reinterpret_cast<Elements*>(d_to) = rounded;
  }
}

/// Adds up the parts of the long lists: one block for each tile of a parent.
template <class T>
struct AddParts {
  static constexpr int threads = 128, blocks_per_sm = 0;

  __device__ void operator()(const KeyGradientParams<T>& params) const {
    const KeyPlan& plan = params.plan;
    const std::int64_t tiles = plan.parents * plan.tiles_per_parent;
    KeyTile tile;
    tile.head = blockIdx.x / tiles;
    tile.parent = blockIdx.x % tiles / plan.tiles_per_parent;
    tile.tile = blockIdx.x % tiles % plan.tiles_per_parent;
    const ParentSlots<T> slots{params, tile.head};
    const std::int64_t begin = slots.begin(tile.parent), length = slots.begin(tile.parent + 1) - begin;
    if (length <= plan.part_slots) return;
    set_keys(tile, params);

    const int dims = params.problem.head_dim + params.problem.value_dim;
    const std::int64_t tile_floats = static_cast<std::int64_t>(plan.tile_keys) * dims;
    for (int i = static_cast<int>(threadIdx.x) * 4; i < tile.count * dims; i += threads * 4) {
      float sums[4] = {};
      for (std::int64_t part = 1; part * plan.part_slots < length; ++part) {
        const std::int64_t place = (begin + part * plan.part_slots) / plan.part_slots;
        const std::int64_t at = (tile.head * plan.places + place) * plan.tiles_per_parent + tile.tile;
        const float4 more = *reinterpret_cast<const float4*>(params.d_parts + at * tile_floats + i);
        sums[0] += more.x;
        sums[1] += more.y;
        sums[2] += more.z;
        sums[3] += more.w;
      }
      put(params, tile, i / dims, i % dims, sums);
    }
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

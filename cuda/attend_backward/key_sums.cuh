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

/// Adds up the parts of the long lists. A thread block takes all sums of a tile where lists are seldom long, and an
/// equal share at the coarsest level, whose few tiles have many parts each.
template <class T>
struct AddParts {
  static constexpr int threads = 128, blocks_per_sm = 0;
  /// Thread blocks of a tile, each of which takes the same number of sums, a multiple of `4 * threads`.
  __host__ __device__ static int chunks(const KeyPlan& plan, int dims) {
    return plan.listed ? 1 : (plan.tile_keys * dims + 4 * threads - 1) / (4 * threads);
  }

  __device__ void operator()(const KeyGradientParams<T>& params) const {
    const KeyPlan& plan = params.plan;
    const int dims = params.problem.head_dim + params.problem.value_dim, tile_floats = plan.tile_keys * dims;
    const auto shares = static_cast<unsigned>(chunks(plan, dims));
    const unsigned number = blockIdx.x / shares, tiles = static_cast<unsigned>(plan.parents * plan.tiles_per_parent);
    KeyTile tile;
    tile.head = number / tiles;
    tile.parent = number % tiles / static_cast<unsigned>(plan.tiles_per_parent);
    tile.tile = number % tiles % static_cast<unsigned>(plan.tiles_per_parent);
    const ParentSlots<T> slots{params, tile.head};
    const std::int64_t begin = slots.begin(tile.parent), length = slots.begin(tile.parent + 1) - begin;
    if (length <= plan.part_slots) return;
    set_keys(tile, params);
    // Part 1 and the next ones, whose places follow each other: part k begins in slots k * part_slots of the parent.
    const std::int64_t place = (begin + plan.part_slots) / plan.part_slots, parts = (length - 1) / plan.part_slots;
    const std::int64_t stride = plan.tiles_per_parent * tile_floats;
    const float* const d_first = params.d_parts + (tile.head * plan.places + place) * stride + tile.tile * tile_floats;
    for (int at = 4 * (static_cast<int>(blockIdx.x % shares) * threads + static_cast<int>(threadIdx.x));
         at < tile.count * dims; at += 4 * threads * static_cast<int>(shares)) {
      const float* d_part = d_first + at;
      float sums[4] = {};
#pragma unroll 8
      for (std::int64_t part = 0; part < parts; ++part, d_part += stride) {
        const float4 more = *reinterpret_cast<const float4*>(d_part);
        sums[0] += more.x;
        sums[1] += more.y;
        sums[2] += more.z;
        sums[3] += more.w;
      }
      put(params, tile, at / dims, at % dims, sums);
    }
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include "cuda/attend_backward/key_tiles.cuh"
#include "cuda/mma/words.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// Where the sums of one key go, two neighbouring dimensions at a time: to a part of a long list, to what its level
/// hands down, or to dK and dV.
template <class T>
class KeyRow {
 public:
  /// `row` of `tile`.
  __device__ KeyRow(const KeyGradientParams<T>& params, const KeyTile& tile, int row) {
    const AttendProblem<T>& p = params.problem;
    const KeyPlan& plan = params.plan;
    head_dim_ = p.head_dim;
    const int dims = p.head_dim + p.value_dim;
    if (tile.place >= 0) {
      const std::int64_t at = (tile.head * plan.places + tile.place) * plan.tiles_per_parent + tile.tile;
      d_sums_ = params.d_parts + (at * plan.tile_keys + row) * dims;
      return;
    }
    const auto token = static_cast<std::int32_t>(tile.first) + row;
    const std::int64_t key = tile.head * p.levels.level[plan.level].keys + token;
    // The mean hands each token below an equal share; a share passes through every level unchanged.
    const float share = plan.level > 0 ? 1.0f / key_count(p, plan.level, token) : 1.0f;
    key_factor_ = p.scale * share;
    value_factor_ = share;
    if (params.d_inherited) {
      const unsigned above = static_cast<unsigned>(token) / static_cast<unsigned>(p.levels.block_size);
      d_inherited_ = params.d_inherited + (tile.head * p.levels.level[plan.level + 1].keys + above) * dims;
    }
    if (plan.level > 0) {
      d_sums_ = params.d_handed_down + key * dims;
    } else {
      d_key_ = params.d_key_gradient + key * p.head_dim;
      d_value_ = params.d_value_gradient + key * p.value_dim;
    }
  }

  /// Dimensions d and d + 1 of dK before scaling, and of dV.
  __device__ __forceinline__ void put_key(int d, float2 sums) const { put(d, sums, key_factor_, d_key_ + d); }
  __device__ __forceinline__ void put_value(int d, float2 sums) const {
    put(head_dim_ + d, sums, value_factor_, d_value_ + d);
  }

 private:
  __device__ __forceinline__ void put(int place, float2 sums, float factor, T* d_to) const {
    sums.x *= factor, sums.y *= factor;
    if (d_inherited_) {
      const float2 inherited = *reinterpret_cast<const float2*>(d_inherited_ + place);
      sums.x += inherited.x, sums.y += inherited.y;
    }
    if (d_sums_)
      *reinterpret_cast<float2*>(d_sums_ + place) = sums;
    else
      *reinterpret_cast<std::uint32_t*>(d_to) = pack<T>(sums.x, sums.y);
  }

  float* d_sums_ = nullptr;
  const float* d_inherited_ = nullptr;
  T *d_key_ = nullptr, *d_value_ = nullptr;
  float key_factor_ = 1, value_factor_ = 1;
  int head_dim_;
};

}  // namespace llsa::cuda::inline LLSA_WORLD

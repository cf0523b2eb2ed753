#pragma once

#include "cuda/attend/keys.cuh"
#include "cuda/attend/tensor_step.cuh"
#include "cuda/mma/cp_async.cuh"

// The tiles of the query-major kernels that multiply on tensor cores. D = Dv = `dim` is a multiple of 16 and the block
// size a multiple of 16, so that the 16 queries of a warp share their keys and 16 key slots share a parent.
namespace llsa::cuda::inline LLSA_WORLD {

/// A tile of `16 * warps` neighbouring queries, 16 to a warp, on its walk through the keys. All lie under one level-2
/// query, so every coarse key is loaded once for the whole tile; fine keys are gathered by each warp for its own block.
template <class T, int dim>
class TensorTile {
 public:
  static constexpr int warps = dim <= 64 ? 16 : 8;
  static constexpr int threads = 32 * warps, rows = 16 * warps;
  static constexpr int pitch = tensor_pitch<dim>, pieces = dim / 8;
  static constexpr int shared_keys = 64;  ///< keys of one stage that the tile shares
  static constexpr int shared_stage = 2 * shared_keys * pitch, warp_stage = 2 * 16 * pitch;  ///< K, then V
  static constexpr std::size_t ring_size = 2 * (shared_stage > warps * warp_stage ? shared_stage : warps * warp_stage);
  static constexpr std::size_t shared_bytes = ring_size * sizeof(T);

  __host__ __device__ static std::int64_t per_head(const Levels& levels) {
    return (levels.level[0].queries + rows - 1) / rows;
  }

  /// The tile of this block; one-dimensional grids of `heads * per_head` blocks.
  __device__ explicit TensorTile(const AttendProblem<T>& p)
      : p_(p), warp_(static_cast<int>(threadIdx.x) / 32), lane_(static_cast<int>(lane_id())) {
    count_ = max(min(16, p.levels.level[0].queries - mine()), 0);
  }

  __device__ int lane() const { return lane_; }
  /// This warp's queries: row 0 is query `first_row()` of all heads; rows beyond `count()` are padding.
  __device__ std::int64_t first_row() const { return head() * p_.levels.level[0].queries + mine(); }
  __device__ int count() const { return count_; }

  /// This warp's rows of a [heads, Nq, dim] tensor as A fragments, zero beyond `count()`.
  __device__ void load_rows(FragmentA (&fragments)[dim / 16], const T* d_rows) const {
    for (int k = 0; k < dim / 16; ++k)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int row = lane_ / 4 + 8 * (i % 2), d = 16 * k + 2 * (lane_ % 4) + 8 * (i / 2);
        fragments[k].word[i] =
            row < count_ ? *reinterpret_cast<const std::uint32_t*>(d_rows + (first_row() + row) * dim + d) : 0u;
      }
  }

  /// Writes this warp's 16 rows of C fragments, row r times `factor[r / 8]` for the lane's two rows.
  __device__ void store_rows(T* d_rows, const FragmentC (&fragments)[dim / 8], const float (&factor)[2]) const {
#pragma unroll
    for (int half_row = 0; half_row < 2; ++half_row) {
      const int row = lane_ / 4 + 8 * half_row;
      if (row >= count_) continue;
      T* d_row = d_rows + (first_row() + row) * dim + 2 * (lane_ % 4);
#pragma unroll
      for (int n = 0; n < dim / 8; ++n)
        *reinterpret_cast<std::uint32_t*>(d_row + 8 * n) =
            pack<T>(fragments[n].value[2 * half_row] * factor[half_row],
                    fragments[n].value[2 * half_row + 1] * factor[half_row]);
    }
  }

  /// Calls `step(keys, values, KeyStep)` for all keys that this warp's queries attend to, 16 at a time, rows `pitch`
  /// apart in shared memory. All warps of the block must call.
  template <class Step>
  __device__ __forceinline__ void walk(Step&& step) {
    const int coarsest = p_.levels.levels;
    // At L = 0 the fine keys are the coarsest, shared by all.
    for (int level = coarsest == 0 ? 0 : p_.levels.enrichment_levels; level >= (coarsest == 0 ? 0 : 1); --level)
      walk_shared(level, step);
    if (coarsest > 0 && count_ > 0) walk_gathered(step);
  }

 private:
  // Worked out anew where needed: registers are short.
  __device__ std::int64_t head() const { return blockIdx.x / static_cast<unsigned>(per_head(p_.levels)); }
  __device__ int first() const {
    return static_cast<int>(blockIdx.x % static_cast<unsigned>(per_head(p_.levels))) * rows;
  }
  __device__ int mine() const { return first() + 16 * warp_; }
  __device__ static T* ring() { return Shared<T>(0, ring_size).data(); }

  /// Starts the copies of `count` tokens, `token(row)` or -1, into K and V tiles of `count` rows, by `workers` threads.
  template <class Token>
  __device__ __forceinline__ void load(Token token, const T* d_keys, const T* d_values, T* to, int count, int worker,
                                       int workers) {
    for (int i = worker; i < count * pieces; i += workers) {
      const int row = i / pieces, d = i % pieces * 8, from_token = token(row);
      const std::int64_t from = std::int64_t{max(from_token, 0)} * dim + d;
      copies_.copy(to + row * pitch + d, d_keys + from, from_token >= 0);
      copies_.copy(to + (count + row) * pitch + d, d_values + from, from_token >= 0);
    }
    copies_.commit();
  }

  __device__ static KeyStep step_at(const LevelKeys& keys, std::int64_t slot) {
    KeyStep step{};
    step.first = keys.token(slot);
    step.last = keys.tokens - 1 - step.first;
    step.count = step.first < 0 ? 0 : min(step.last + 1, 16);
    return step;
  }

  template <class Step>
  __device__ __forceinline__ void walk_shared(int level, Step& step) {
    const LevelKeys keys = keys_of(p_, level, head(), first());
    const T *d_keys = key_rows(p_, level, head()), *d_values = value_rows(p_, level, head());
    const float weight = p_.reweight && level > 0 ? log2f(static_cast<float>(p_.levels.level[level].key_span)) : 0.0f;
    const float last_weight = log2_weight(p_, level, keys.tokens - 1);
    const auto begin = [&](std::int64_t slot) {
      load([&](int row) { return keys.token(slot + row); }, d_keys, d_values,
           ring() + slot / shared_keys % 2 * shared_stage, shared_keys, static_cast<int>(threadIdx.x), threads);
    };
    begin(0);
    for (std::int64_t slot = 0; slot < keys.slots; slot += shared_keys) {
      if (slot + shared_keys < keys.slots)
        begin(slot + shared_keys);
      else
        copies_.commit();
      copies_.template wait<1>();
      __syncthreads();
      const T* tile = ring() + slot / shared_keys % 2 * shared_stage;
      if (count_ > 0)
        for (int part = 0; part < shared_keys; part += 16) {
          KeyStep which = step_at(keys, slot + part);
          if (which.count == 0) continue;
          which.weight = weight;
          which.last_weight = last_weight;
          if (p_.disjoint && level > 0)
            which.dropped = __ballot_sync(
                full_warp, lane_ < which.count && is_dropped(p_, level, head(), mine(), which.first + lane_));
          step(tile + part * pitch, tile + (shared_keys + part) * pitch, which);
        }
      __syncthreads();
    }
  }

  template <class Step>
  __device__ __forceinline__ void walk_gathered(Step& step) {
    const LevelKeys keys = keys_of(p_, 0, head(), mine());
    std::int64_t parents = 0;
    for (std::int64_t first = 0; first < keys.slots / keys.children; first += 32) {
      const std::int64_t i = first + lane_;
      parents += __popc(__ballot_sync(full_warp, i < keys.slots / keys.children && keys.d_parents[i] >= 0));
    }
    const std::int64_t slots = parents * keys.children;
    const T *d_keys = key_rows(p_, 0, head()), *d_values = value_rows(p_, 0, head());
    T* mine_ring = ring() + warp_ * 2 * warp_stage;
    const auto begin = [&](std::int64_t slot) {
      const KeyStep which = step_at(keys, slot);
      load([&](int row) { return row < which.count ? which.first + row : -1; }, d_keys, d_values,
           mine_ring + slot / 16 % 2 * warp_stage, 16, lane_, 32);
      return which;
    };
    KeyStep which = begin(0);
    for (std::int64_t slot = 0; slot < slots; slot += 16) {
      KeyStep next{};
      if (slot + 16 < slots)
        next = begin(slot + 16);
      else
        copies_.commit();
      copies_.template wait<1>();
      __syncwarp();
      const T* tile = mine_ring + slot / 16 % 2 * warp_stage;
      if (which.count > 0) step(tile, tile + 16 * pitch, which);
      which = next;
      __syncwarp();
    }
  }

  const AttendProblem<T>& p_;
  int warp_, lane_, count_;
  AsyncCopies copies_;
};

/// Whether the tensor-core kernels take a problem; the others multiply by fused multiply-add.
template <class T>
bool fits_tensor_cores(const AttendProblem<T>& p) {
  return sizeof(T) == 2 && p.head_dim == p.value_dim && (p.head_dim == 32 || p.head_dim == 64 || p.head_dim == 128) &&
         (p.levels.levels == 0 || p.levels.block_size % 16 == 0);
}

}  // namespace llsa::cuda::inline LLSA_WORLD

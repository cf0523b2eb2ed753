#pragma once

#include "cuda/attend/keys.cuh"
#include "cuda/attend/tensor_step.cuh"
#include "cuda/mma/cp_async.cuh"

// The tiles of the query-major kernels that multiply on tensor cores: any block size, any D and Dv up to `dim`.
namespace llsa::cuda::inline LLSA_WORLD {

/// A tile of neighbouring queries, 16 to a warp, on its walk through the keys. What all of its queries attend to is
/// loaded once for the whole tile; the rest is gathered by each warp for its own queries: once where these have one
/// list, otherwise list by list, with the other rows left alone.
///
/// `own_tiles` tiles of 16 x `dim` elements are kept in shared memory for each warp besides. Problems without several
/// lists to a warp and without dropped keys take the faster `AlignedTile` where their sums fit the registers.
///
/// Sums of more than 128 dimensions do not fit the registers: then two thread blocks walk, each for half of them.
template <class T, int dim, int own_tiles = 0>
class TensorTile {
 public:
  static constexpr int parts = dim > 128 ? 2 : 1, part_dim = dim / parts;
  static constexpr int pitch = tensor_pitch<dim>, pieces = dim / 8;
  static constexpr int tile_elements = 16 * pitch;
  static constexpr int warp_stage = 2 * tile_elements;  ///< K, then V
  static constexpr int most_warps = dim <= 32 ? 16 : 8, most_threads = 32 * most_warps;
  static constexpr int warp_elements = 2 * warp_stage + own_tiles * tile_elements;

  static constexpr std::size_t shared_bytes(int warps) {
    return static_cast<std::size_t>(warps) * warp_elements * sizeof(T);
  }
  /// How many warps share a tile: a power of two, so that a tile lies under one level-2 query where the block size is a
  /// multiple of 16; no more than there are queries for, and than `shared_limit` bytes hold.
  static int fitting_warps(const Levels& levels, std::size_t shared_limit) {
    int warps = most_warps;
    while (warps > 1 && (shared_bytes(warps) > shared_limit || 8 * warps >= levels.level[0].queries)) warps /= 2;
    return warps;
  }
  static std::int64_t blocks(const Levels& levels, int warps) {
    return levels.heads * ((levels.level[0].queries + 16 * warps - 1) / (16 * warps)) * parts;
  }

  /// The tile of this block; one-dimensional grids of `blocks` blocks.
  __device__ explicit TensorTile(const AttendProblem<T>& p)
      : p_(p), warp_(static_cast<int>(threadIdx.x) / 32), lane_(static_cast<int>(lane_id())) {
    count_ = max(min(16, p.levels.level[0].queries - mine()), 0);
  }

  __device__ int lane() const { return lane_; }
  /// This warp's queries: row 0 is query `first_row()` of all heads; rows beyond `count()` are padding.
  __device__ std::int64_t first_row() const { return head() * p_.levels.level[0].queries + mine(); }
  __device__ int count() const { return count_; }
  /// The first of the dimensions that this block sums, `part_dim` of them.
  __device__ static int part_begin() { return static_cast<int>(blockIdx.x % parts) * part_dim; }

  /// This warp's rows of a [heads, Nq, row_dim] tensor as A fragments, zero beyond `count()` and `row_dim`.
  __device__ void load_rows(RegisterRows<dim>& rows, const T* d_rows, int row_dim) const {
    load_register_rows(rows, d_rows + first_row() * row_dim, count_, row_dim, lane_);
  }
  /// The same in the warp's own tile number `number`.
  __device__ SharedRows<T, dim> load_rows(int number, const T* d_rows, int row_dim) {
    T* to = Shared<T>(0, ring_size() + warps() * own_tiles * tile_elements).data() + ring_size() +
            (warp_ * own_tiles + number) * tile_elements;
    for (int i = lane_; i < 16 * pieces; i += 32) {
      const int row = i / pieces, d = i % pieces * 8;
      const bool present = row < count_ && d < row_dim;
      copies_.copy(to + row * pitch + d, d_rows + (present ? (first_row() + row) * row_dim + d : 0), present);
    }
    copies_.commit();
    copies_.template wait<0>();
    __syncwarp();
    return {to};
  }

  /// Writes this warp's rows of C fragments to this block's dimensions of a [heads, Nq, row_dim] tensor, row r times
  /// `factor[r / 8]` for the lane's two rows.
  __device__ void store_rows(T* d_rows, int row_dim, const FragmentC (&fragments)[part_dim / 8],
                             const float (&factor)[2]) const {
    store_register_rows(d_rows + first_row() * row_dim, count_, row_dim, part_begin(), fragments, factor, lane_);
  }

  /// What a step sums. Keys that are not there are rows of zeros; only those that coverage drops are not.
  __device__ static SumOf sum_of(const KeyStep& which, int lane) {
    return {which.kept(), which.has_row(0, lane), which.has_row(1, lane), which.whole()};
  }

  /// Calls `step(keys, values, KeyStep, last_weight)` for all keys that this warp's queries attend to, 16 at a time,
  /// rows `pitch` apart in shared memory. All warps of the block must call.
  template <class Step>
  __device__ __forceinline__ void walk(Step&& step) {
    // At L = 0 the fine keys are the coarsest, shared by all.
    int level = p_.levels.levels == 0 ? 0 : p_.levels.enrichment_levels;
    for (; level >= 0 && tile_shares(level); --level) walk_shared(level, step);
    if (count_ > 0)
      for (; level >= 0; --level) walk_gathered(level, step);
  }

 private:
  // Worked out anew where needed: registers are short.
  __device__ static int warps() { return static_cast<int>(blockDim.x) / 32; }
  __device__ static int rows() { return static_cast<int>(blockDim.x) / 2; }
  __device__ static int ring_size() { return warps() * 2 * warp_stage; }
  __device__ unsigned tiles_per_head() const {
    return static_cast<unsigned>((p_.levels.level[0].queries + rows() - 1) / rows());
  }
  __device__ std::int64_t head() const { return blockIdx.x / parts / tiles_per_head(); }
  __device__ int first() const { return static_cast<int>(blockIdx.x / parts % tiles_per_head()) * rows(); }
  __device__ int mine() const { return first() + 16 * warp_; }
  __device__ static T* ring() { return Shared<T>(0, ring_size()).data(); }
  __device__ static std::uint32_t shared_keys() { return min(64, rows()); }  ///< keys of a stage that the tile shares

  /// Whether all queries of the tile attend to the same keys of a level; if so, then those of all higher levels.
  __device__ bool tile_shares(int level) const {
    if (level == p_.levels.levels) return true;
    const std::int32_t span = p_.levels.level[level + 1].query_span;
    return span % rows() == 0 || span >= p_.levels.level[0].queries;
  }

  __device__ bool drops(int level) const { return p_.disjoint && level > 0; }

  /// The first of the warp's rows behind `row` whose list of `level` is another one; 16 when there is none.
  __device__ int group_end(int level, int row) const {
    if (level > p_.levels.levels) return 16;
    const std::int64_t span = p_.levels.level[level].query_span;
    if (span % 16 == 0) return 16;
    const std::int64_t end = ((mine() + row) / span + 1) * span - mine();
    return end < count_ ? static_cast<int>(end) : 16;
  }

  /// A copy of 8 elements of token `t` (-1: of zeros).
  __device__ __forceinline__ void copy(T* to, const T* d_rows, int t, int d, int row_dim) {
    const bool present = t >= 0 && d < row_dim;
    copies_.copy(to, d_rows + (present ? std::int64_t{t} * row_dim + d : 0), present);
  }

  /// The 16 slots of lanes 0 to 15, whose tokens these lanes give.
  __device__ __forceinline__ KeyStep step_of(int token, int level, int first_row, int end_row) const {
    const bool here = lane_ < 16 && token >= 0;
    const bool dropped = drops(level) && here && is_dropped(p_, level, head(), mine() + first_row, token);
    const unsigned kept = __ballot_sync(full_warp, here && !dropped);
    const unsigned last = level > 0 ? __ballot_sync(full_warp, here && token == p_.levels.level[level].keys - 1) : 0u;
    return {kept, last != 0 ? __ffs(static_cast<int>(last)) - 1 : 16, first_row, end_row};
  }

  __device__ float weight_of(int level) const {
    return p_.reweight && level > 0 ? log2f(static_cast<float>(p_.levels.level[level].key_span)) : 0.0f;
  }
  __device__ auto last_weight_of(int level) const {
    return [this, level] { return log2_weight(p_, level, p_.levels.level[level].keys - 1); };
  }

  template <class Step>
  __device__ __forceinline__ void walk_shared(int level, Step& step) {
    const LevelKeys keys = keys_of(p_, level, head(), first());
    const T *d_keys = key_rows(p_, level, head()), *d_values = value_rows(p_, level, head());
    const float weight = weight_of(level);
    const std::uint32_t stage_keys = shared_keys(), half_stage = stage_keys * pitch;
    const auto begin = [&](std::uint32_t slot, T* to) {
#pragma unroll 1
      for (unsigned i = threadIdx.x; i < stage_keys * pieces; i += blockDim.x) {
        const int row = i / pieces, d = i % pieces * 8, token = keys.token(slot + row);
        copy(to + row * pitch + d, d_keys, token, d, p_.head_dim);
        copy(to + half_stage + row * pitch + d, d_values, token, d, p_.value_dim);
      }
      copies_.commit();
    };
    int half = 0;
    begin(0, ring());
    for (std::uint32_t slot = 0; slot < keys.slots; slot += stage_keys, half ^= 1) {
      if (keys.slots - slot > stage_keys)
        begin(slot + stage_keys, ring() + (half ^ 1) * 2 * half_stage);
      else
        copies_.commit();
      copies_.template wait<1>();
      __syncthreads();
      const T* tile = ring() + half * 2 * half_stage;
      if (count_ > 0)
#pragma unroll 1
        for (std::uint32_t part = 0; part < stage_keys; part += 16) {
          const int token = keys.token(slot + part + lane_ % 16);
#pragma unroll 1
          for (int row = 0; row < 16;) {
            const int end = drops(level) ? group_end(level, row) : 16;
            KeyStep which = step_of(token, level, row, end);
            row = end;
            if (which.kept() == 0) continue;
            which.weight = weight;
            step(tile + part * pitch, tile + half_stage + part * pitch, which, last_weight_of(level));
          }
        }
      __syncthreads();
    }
  }

  template <class Step>
  __device__ __forceinline__ void walk_gathered(int level, Step& step) {
    const T *d_keys = key_rows(p_, level, head()), *d_values = value_rows(p_, level, head());
    const float weight = weight_of(level);
    T* const mine_ring = ring() + warp_ * 2 * warp_stage;
#pragma unroll 1
    for (int row = 0; row < 16;) {
      // Rows with the same keys; with disjoint coverage, that drop the same.
      const int end = group_end(drops(level) ? level : level + 1, row);
      const LevelKeys keys = keys_of(p_, level, head(), mine() + row);
      const std::uint32_t slots = keys.listed(lane_);
      const auto begin = [&](std::uint32_t slot, T* to) {
        const int token = keys.token(slot + lane_ % 16);
#pragma unroll 4
        for (int i = lane_; i < 16 * pieces; i += 32) {
          const int key = i / pieces, d = i % pieces * 8, from = __shfl_sync(full_warp, token, key);
          copy(to + key * pitch + d, d_keys, from, d, p_.head_dim);
          copy(to + tile_elements + key * pitch + d, d_values, from, d, p_.value_dim);
        }
        copies_.commit();
        return step_of(token, level, row, end);
      };
      if (slots == 0) {
        row = end;
        continue;
      }
      int half = 0;
      KeyStep which = begin(0, mine_ring);
      for (std::uint32_t slot = 0; slot < slots; slot += 16, half ^= 1) {
        KeyStep next;
        if (slots - slot > 16)
          next = begin(slot + 16, mine_ring + (half ^ 1) * warp_stage);
        else
          copies_.commit();
        copies_.template wait<1>();
        __syncwarp();
        const T* tile = mine_ring + half * warp_stage;
        which.weight = weight;
        if (which.kept() != 0) step(tile, tile + tile_elements, which, last_weight_of(level));
        which = next;
        __syncwarp();
      }
      row = end;
    }
  }

  const AttendProblem<T>& p_;
  int warp_, lane_, count_;
  AsyncCopies copies_;
};

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include "cuda/attend/keys.cuh"
#include "cuda/attend/run_copy.cuh"

// The tiles of the fast query-major kernels: block sizes that are multiples of 16 (or no levels), and no dropped keys.
namespace llsa::cuda::inline LLSA_WORLD {

/// Whether 16 neighbouring queries always have one list, its keys come in runs of 16 neighbours, and none is dropped.
template <class T>
bool is_aligned(const AttendProblem<T>& p) {
  return p.levels.levels == 0 || (!p.disjoint && p.levels.block_size % 16 == 0);
}

/// What a warp's step must know of the 16 neighbouring key tokens of a run, in one word: how many of them exist, and
/// how many of them weigh what the keys of their level weigh (the level's last token may weigh less).
struct RunKeys {
  unsigned word = 0;
  RunKeys() = default;
  __device__ RunKeys(int count, int whole) : word(static_cast<unsigned>(count) | static_cast<unsigned>(whole) << 8) {}
  __device__ bool empty() const { return word == 0; }
  __device__ bool all_whole() const { return word == (16u | 16u << 8); }
  __device__ int count() const { return static_cast<int>(word & 31u); }
  /// Whether element `i` of two neighbouring C fragments is a key; whether it is a key of full weight.
  __device__ bool has(int i, int lane) const { return step_column(i, lane) < count(); }
  __device__ bool whole(int i, int lane) const { return step_column(i, lane) < static_cast<int>(word >> 8); }
};

/// A level's keys in runs of 16 neighbouring tokens, as 16 neighbouring queries see them: all tokens at the coarsest
/// level, otherwise the children of what the queries' list names, in its order. Each lane works out one of 32 runs.
template <class T>
class KeyRuns {
 public:
  struct Run {
    std::int32_t first;
    RunKeys keys;
  };
  /// By all lanes of a warp.
  __device__ KeyRuns(const AttendProblem<T>& p, int level, std::int32_t head, std::int32_t query, int lane)
      : p_(p), level_(level), head_(head), query_(query), lane_(lane) {
    const LevelKeys keys = keys_of(p, level, head, query);
    size_ = keys.d_parents ? keys.listed(lane) / static_cast<unsigned>(keys.children) * per_parent(keys)
                           : (static_cast<unsigned>(keys.tokens) + 15) / 16;
  }

  __device__ unsigned size() const { return size_; }

  /// Run `number`, without keys from `size()` on. By all lanes of a warp, with the same number.
  __device__ __forceinline__ Run at(unsigned number) {
    if (number / 32 != window_) find(number / 32);
    const int from = static_cast<int>(number % 32);
    Run run;
    run.first = __shfl_sync(full_warp, mine_.first, from);
    run.keys.word = __shfl_sync(full_warp, mine_.keys.word, from);
    return run;
  }

 private:
  __device__ static unsigned per_parent(const LevelKeys& keys) {
    return (static_cast<unsigned>(keys.children) + 15) / 16;
  }
  __device__ void find(unsigned window) {
    window_ = window;
    mine_ = {0, {}};
    const unsigned number = 32 * window + static_cast<unsigned>(lane_);
    if (number >= size_) return;
    const LevelKeys keys = keys_of(p_, level_, head_, query_);
    std::int32_t first = static_cast<std::int32_t>(number) * 16, end = keys.tokens;
    if (keys.d_parents) {
      const unsigned entry = number / per_parent(keys);
      const std::int32_t begin = keys.d_parents[entry] * keys.children;
      first = begin + static_cast<std::int32_t>(number - entry * per_parent(keys)) * 16;
      end = min(end, begin + keys.children);
    }
    const bool last_differs =
        p_.reweight && key_count(p_, level_, keys.tokens - 1) != static_cast<float>(p_.levels.level[level_].key_span);
    const int count = max(min(end - first, 16), 0);
    mine_ = {first, {count, min(max(keys.tokens - (last_differs ? 1 : 0) - first, 0), count)}};
  }

  const AttendProblem<T>& p_;
  int level_;
  std::int32_t head_, query_;
  unsigned size_, window_ = ~0u;
  int lane_;
  Run mine_{0, {}};
};

/// 128 neighbouring queries, 16 to a warp, on their walk through the keys. Coarse keys, which all of them attend to,
/// are loaded once for the tile; the fine keys that a warp's list names are gathered by the warp for itself. Both pass
/// through a ring of stages in shared memory that `cp.async` fills ahead.
template <class T, int dim>
class AlignedTile {
 public:
  static constexpr int pitch = tensor_pitch<dim>, pieces = dim / 8;
  static constexpr int tile_elements = 16 * pitch;
  static constexpr int run_elements = 2 * tile_elements;  ///< a run's K, then its V
  static constexpr int most_warps = 8, most_threads = 32 * most_warps;
  static constexpr int blocks_per_sm = dim <= 64 ? 2 : 1;  ///< that registers allow

  /// How many warps share a tile and how many stages the ring has; the bits of results depend on neither.
  struct Shape {
    std::int32_t warps, stages;
    std::size_t shared_bytes() const { return static_cast<std::size_t>(warps) * stages * run_elements * sizeof(T); }
  };
  /// The largest tile that there are queries for and that `shared_limit` bytes hold: a power of two of warps, so that a
  /// tile lies under one level-2 query. Two stages where three would keep blocks that the registers allow off an SM.
  static Shape fitting(const Levels& levels, std::size_t shared_limit) {
    constexpr std::size_t reserved = 1024;  // of each block's shared memory, by the system
    Shape shape{most_warps, 3};
    while (shape.warps > 1 && 8 * shape.warps >= levels.level[0].queries) shape.warps /= 2;
    if (blocks_per_sm * (shape.shared_bytes() + reserved) > shared_limit + reserved) shape.stages = 2;
    while (shape.warps > 1 && shape.shared_bytes() > shared_limit) shape.warps /= 2;
    return shape;
  }
  static std::int64_t blocks(const Levels& levels, int warps) {
    return levels.heads * ((levels.level[0].queries + 16 * warps - 1) / (16 * warps));
  }

  /// The tile of this block; one-dimensional grids of `blocks` blocks.
  __device__ AlignedTile(const AttendProblem<T>& p, int stages)
      : p_(p), stages_(stages), warp_(static_cast<int>(threadIdx.x) / 32), lane_(static_cast<int>(lane_id())) {
    const int rows = static_cast<int>(blockDim.x) / 2, queries = p.levels.level[0].queries;
    const unsigned tiles = static_cast<unsigned>((queries + rows - 1) / rows);
    head_ = static_cast<std::int32_t>(blockIdx.x / tiles);
    first_ = static_cast<std::int32_t>(blockIdx.x % tiles) * rows;
  }

  __device__ int lane() const { return lane_; }
  /// This warp's queries: row 0 is query `first_row()` of all heads; rows beyond `count()` are padding.
  __device__ std::int64_t first_row() const { return std::int64_t{head_} * p_.levels.level[0].queries + mine(); }
  __device__ int count() const { return max(min(16, p_.levels.level[0].queries - mine()), 0); }

  /// This warp's rows of a [heads, Nq, row_dim] tensor as A fragments, zero beyond `count()` and `row_dim`.
  __device__ void load_rows(RegisterRows<dim>& rows, const T* d_rows, int row_dim) const {
    load_register_rows(rows, d_rows + first_row() * row_dim, count(), row_dim, lane_);
  }
  /// Writes this warp's rows of C fragments to a [heads, Nq, row_dim] tensor, row r times `factor[r / 8]` for the
  /// lane's two rows.
  __device__ void store_rows(T* d_rows, int row_dim, const FragmentC (&fragments)[dim / 8],
                             const float (&factor)[2]) const {
    store_register_rows(d_rows + first_row() * row_dim, count(), row_dim, 0, fragments, factor, lane_);
  }

  /// Calls `step(keys, values, RunKeys, weight, last_weight)` for all keys that this warp's queries attend to, a run at
  /// a time, rows `pitch` apart in shared memory; keys that are not there are rows of zeros. `weight` is log2 of the
  /// weight of whole keys, `last_weight` of the others. All warps of the block must call.
  template <class Step>
  __device__ __forceinline__ void walk(Step&& step) {
    const int levels = p_.levels.levels;
    // At L = 0 the fine keys are the coarsest, shared by all. A level-2 query, and all above it, is a multiple of the
    // largest tile.
    int level = levels == 0 ? 0 : p_.levels.enrichment_levels;
#pragma unroll 1
    for (; level >= 0; --level) walk_level(level, level > 0 || levels == 0, step);
  }

 private:
  __device__ int mine() const { return first_ + 16 * warp_; }
  __device__ static int warps() { return static_cast<int>(blockDim.x) / 32; }
  __device__ T* ring() const { return Shared<T>(0, warps() * stages_ * run_elements).data(); }
  /// The ring in words, and where among them it is said what the run at a place is: behind the first row of its K, in
  /// what keeps rows in different banks.
  __device__ Shared<unsigned> words() const {
    return Shared<unsigned>(0, static_cast<std::size_t>(warps()) * stages_ * (run_elements / 2));
  }
  __device__ static std::size_t word_of(int place) {
    static_assert(pitch >= dim + 2);
    return static_cast<std::size_t>(place * (run_elements / 2) + dim / 2);
  }

  __device__ float last_weight(int level) const { return log2_weight(p_, level, p_.levels.level[level].keys - 1); }

  __device__ __forceinline__ void wait_for_stage() {
    if (stages_ == 3)
      copies_.template wait<1>();
    else
      copies_.template wait<0>();
  }

  /// The keys of a level: those of the whole tile `together`, or each warp's own.
  template <class Step>
  __device__ __forceinline__ void walk_level(int level, bool together, Step& step) {
    const bool present = mine() < p_.levels.level[0].queries;
    if (!together && !present) return;
    const float weight = p_.reweight && level > 0 ? log2f(static_cast<float>(p_.levels.level[level].key_span)) : 0.0f;
    KeyRuns<T> runs(p_, level, head_, together ? first_ : mine(), lane_);
    const T *d_keys = key_rows(p_, level, head_), *d_values = value_rows(p_, level, head_);
    // A stage holds one run of a warp, or up to four of the tile, of each of which a warp copies K, V or both.
    const int of_stage = together ? min(warps(), 4) : 1, own = together ? warp_ % of_stage : 0;
    const int begin = together ? 0 : warp_ * stages_, end = begin + of_stage * stages_;  // places of the ring
    const bool copies_keys = !together || warp_ < of_stage;
    const bool copies_values = !together || warp_ >= of_stage || warps() <= of_stage;
    T* const tiles = ring();
    const Shared<unsigned> kept = words();
    const auto load = [&](unsigned number, int place) {
      if (number < runs.size()) {
        const typename KeyRuns<T>::Run run = runs.at(number + own);
        T* const to = tiles + (place + own) * run_elements;
        if (copies_keys) {
          copy_run<T, dim>(copies_, to, d_keys, run.first, run.keys.count(), p_.head_dim, lane_);
          if (lane_ == 0) kept[word_of(place + own)] = run.keys.word;
        }
        if (copies_values)
          copy_run<T, dim>(copies_, to + tile_elements, d_values, run.first, run.keys.count(), p_.value_dim, lane_);
      }
      copies_.commit();
    };
    const auto meet = [&] {
      if (together)
        __syncthreads();
      else
        __syncwarp();
    };
#pragma unroll 1
    for (int place = begin; place < end - of_stage; place += of_stage)
      load(static_cast<unsigned>(place - begin), place);
    int place = begin;
#pragma unroll 1
    for (unsigned number = 0; number < runs.size(); number += of_stage) {
      wait_for_stage();
      meet();  // the stage is here, and nobody reads the one before any more
      load(number + end - begin - of_stage, (place == begin ? end : place) - of_stage);
#pragma unroll 1
      for (const int next = place + of_stage; place < next; ++place) {
        RunKeys keys;
        keys.word = present ? kept[word_of(place)] : 0;
        const T* tile = tiles + place * run_elements;
        if (!keys.empty()) step(tile, tile + tile_elements, keys, weight, [&] { return last_weight(level); });
      }
      if (place == end) place = begin;
    }
    meet();
  }

  const AttendProblem<T>& p_;
  int stages_, warp_, lane_;
  std::int32_t head_, first_;  ///< the tile's first query of the head
  AsyncCopies copies_;
};

}  // namespace llsa::cuda::inline LLSA_WORLD

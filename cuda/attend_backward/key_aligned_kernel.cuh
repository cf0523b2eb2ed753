#pragma once

#include "cuda/attend/aligned_tile.cuh"
#include "cuda/attend_backward/key_rows.cuh"
#include "cuda/mma/exp2.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// The query slots of a key tile in runs of 16 neighbouring queries of the head. Each lane works out one of 32 runs.
class QueryRuns {
 public:
  struct Run {
    std::int32_t first, count;
  };
  /// `d_entries` are the parent's list entries, each `wide` queries; null: slots are queries.
  __device__ QueryRuns(const std::int32_t* d_entries, std::int64_t begin, std::int64_t end, std::int64_t wide,
                       std::int32_t queries, int lane)
      : d_entries_(d_entries),
        begin_(static_cast<std::uint32_t>(begin)),
        end_(static_cast<std::uint32_t>(end)),
        wide_(static_cast<std::uint32_t>(wide)),
        queries_(queries),
        lane_(lane) {}

  __device__ std::uint32_t size() const { return (end_ - begin_ + 15) / 16; }

  /// Run `number`, without queries from `size()` on. By all lanes of a warp, with the same number.
  __device__ __forceinline__ Run at(std::uint32_t number) {
    if (number / 32 != window_) find(number / 32);
    const int from = static_cast<int>(number % 32);
    return {__shfl_sync(full_warp, mine_.first, from), __shfl_sync(full_warp, mine_.count, from)};
  }

 private:
  __device__ void find(std::uint32_t window) {
    window_ = window;
    mine_ = {0, 0};
    const std::uint32_t number = 32 * window + static_cast<std::uint32_t>(lane_), slot = begin_ + 16 * number;
    if (number >= size()) return;
    const std::uint32_t entry = d_entries_ ? slot / wide_ : 0;
    const auto first =
        static_cast<std::int32_t>(d_entries_ ? d_entries_[entry] * wide_ + (slot - entry * wide_) : slot);
    mine_ = {first, max(min(min(static_cast<std::int32_t>(end_ - slot), queries_ - first), 16), 0)};
  }

  const std::int32_t* d_entries_;
  std::uint32_t begin_, end_, wide_, window_ = ~0u;
  std::int32_t queries_;
  int lane_;
  Run mine_{0, 0};
};

/// dK and dV of one level on tensor cores, key-major, for problems that are `is_aligned`; `dim` is at least D and Dv,
/// at most 128. A team of `team` warps holds a tile of 16 keys for each of its warps and streams the queries that
/// attend to them through a ring in shared memory, 16 queries a warp at a time; every warp sums its own keys over all
/// queries, in their order. P and dS are rounded to T for their products. With 16 keys to a tile a thread block is four
/// teams that do not wait for each other.
template <class T, int dim, int team>
struct KeyGradientAligned {
  static constexpr int teams = team == 1 ? 4 : 1, threads = 32 * team * teams;
  static constexpr int blocks_per_sm = team == 2 ? (dim <= 64 ? 5 : 4) : (dim <= 64 ? 3 : 2);
  static constexpr int pitch = tensor_pitch<dim>, tile_elements = 16 * pitch;
  static constexpr int run_elements = 2 * tile_elements;  ///< a run's Q, then its dO
  static constexpr int runs = team == 1 ? 1 : 2;          ///< of a stage
  /// K and V stay in registers where these last.
  static constexpr bool resident = dim <= 64;

  struct Layout {
    std::size_t keys, ring, statistics, counts, bytes;
    __host__ __device__ explicit Layout(int stages) {
      SharedLayout all;
      keys = all.take<T>(resident ? 0 : teams * team * run_elements);
      // K and V pass through the ring first where they do not stay in shared memory.
      ring = all.take<T>(teams * ring_elements(stages));
      statistics = all.take<QueryStatistics>(teams * stages * runs * 16);
      counts = all.take<std::int32_t>(teams * stages * runs);
      bytes = all.bytes();
    }
    __host__ __device__ static int ring_elements(int stages) {
      const int needed = resident && stages * runs < team ? team : stages * runs;
      return needed * run_elements;
    }
  };
  /// The deepest ring, of three stages at most, that keeps no block off an SM which registers allow, or that fits at
  /// all.
  static int fitting_stages(std::size_t shared_limit) {
    constexpr std::size_t reserved = 1024;  // of each block's shared memory, by the system
    for (const int stages : {3, 2})
      if (blocks_per_sm * (Layout(stages).bytes + reserved) <= shared_limit + reserved) return stages;
    return Layout(2).bytes <= shared_limit ? 2 : 1;
  }

  __device__ void operator()(const KeyGradientParams<T>& params) const {
    const AttendProblem<T>& p = params.problem;
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(lane_id());
    const int mine = warp % team, stages = params.stages.count;
    if (item_of_team() >= p.levels.heads * params.plan.blocks_per_head()) return;
    const KeyTile tile = key_tile(params, item_of_team());
    if (tile.parent < 0) return;
    const int level = params.plan.level, own_keys = min(max(tile.count - 16 * mine, 0), 16);
    const auto head = static_cast<std::int32_t>(tile.head), first = static_cast<std::int32_t>(tile.first) + 16 * mine;

    const Layout at(stages);
    T* const ring =
        Shared<T>(at.ring, teams * Layout::ring_elements(stages)).data() + warp / team * Layout::ring_elements(stages);
    const int first_run = warp / team * stages * runs;  // of the team, in what is kept for each run of the ring
    const Shared<QueryStatistics> statistics(at.statistics, teams * stages * runs * 16);
    const Shared<std::int32_t> counts(at.counts, teams * stages * runs);
    T* keys = ring + mine * run_elements;
    if constexpr (!resident) keys = Shared<T>(at.keys, teams * team * run_elements).data() + warp * run_elements;

    AsyncCopies copies;
    copy_run<T, dim>(copies, keys, key_rows(p, level, head), first, own_keys, p.head_dim, lane);
    copy_run<T, dim>(copies, keys + tile_elements, value_rows(p, level, head), first, own_keys, p.value_dim, lane);
    copies.commit();
    copies.wait<0>();
    __syncwarp();
    std::conditional_t<resident, RegisterRows<dim>, SharedRows<T, dim>> key, value;
    if constexpr (resident) {
#pragma unroll
      for (int k = 0; k < dim / 16; ++k) {
        key.fragment[k] = load_a(keys + 16 * k, pitch, lane);
        value.fragment[k] = load_a(keys + tile_elements + 16 * k, pitch, lane);
      }
      meet();
    } else {
      key = {keys};
      value = {keys + tile_elements};
    }
    float weight[2];  // of keys lane / 4 and lane / 4 + 8
#pragma unroll
    for (int i = 0; i < 2; ++i)
      weight[i] = lane / 4 + 8 * i < own_keys ? log2_weight(p, level, first + lane / 4 + 8 * i) : 0.0f;

    const LaneRows lanes(pitch, lane);
    const std::int32_t* d_entries = nullptr;
    if (params.plan.listed)
      d_entries = params.d_query_indices + params.d_offsets[tile.head * params.plan.parents + tile.parent];
    QueryRuns queries(d_entries, tile.begin, tile.end, params.plan.entry_slots, p.levels.level[0].queries, lane);
    const std::int64_t first_query = std::int64_t{head} * p.levels.level[0].queries;
    const auto load = [&](std::uint32_t number, int stage) {
      // A warp copies Q, dO or both of one of the stage's runs; four warps share two runs.
      const int run_of_warp = team == 1 ? 0 : mine % runs;
      const bool copies_queries = mine < runs, copies_gradients = team <= runs || mine >= runs;
      if (number + run_of_warp < queries.size()) {
        const QueryRuns::Run run = queries.at(number + run_of_warp);
        T* const to = ring + (stage * runs + run_of_warp) * run_elements;
        if (copies_queries) {
          copy_run<T, dim>(copies, to, p.d_query + first_query * p.head_dim, run.first, run.count, p.head_dim, lane);
          const int place = first_run + stage * runs + run_of_warp;
          if (lane < 16)
            copies.copy8(&statistics[place * 16 + lane],
                         params.d_statistics + first_query + (lane < run.count ? run.first + lane : 0),
                         lane < run.count);
          if (lane == 0) counts[place] = run.count;
        }
        if (copies_gradients)
          copy_run<T, dim>(copies, to + tile_elements, params.d_output_gradient + first_query * p.value_dim, run.first,
                           run.count, p.value_dim, lane);
      }
      copies.commit();
    };
    FragmentC key_sums[dim / 8] = {}, value_sums[dim / 8] = {};
    const float scale = p.scale * log2_of_e;
    for (int i = 0; i < stages - 1; ++i) load(static_cast<std::uint32_t>(i * runs), i);
    int stage = 0;
#pragma unroll 1
    for (std::uint32_t number = 0; number < queries.size(); number += runs) {
      if (stages == 1) {
        meet();
        load(number, 0);
      }
      if (stages == 3)
        copies.wait<1>();
      else
        copies.wait<0>();
      meet();  // the stage is here, and nobody reads the one before any more
      if (stages > 1) load(number + (stages - 1) * runs, (stage == 0 ? stages : stage) - 1);
#pragma unroll 1
      for (int i = 0; i < runs; ++i) {
        if (runs > 1 && number + i >= queries.size()) break;
        const int place = stage * runs + i, count = counts[first_run + place];
        if (count == 0) continue;
        add(key_sums, value_sums, key, value, ring + place * run_elements, statistics, (first_run + place) * 16, count,
            weight, scale, lanes);
      }
      if (++stage == stages) stage = 0;
    }
    // Worked out anew: it would take registers all along.
    const int row = 16 * (static_cast<int>(threadIdx.x) / 32 % team);
    store(params, key_tile(params, item_of_team()), row, key_sums, value_sums, lane);
  }

 private:
  __device__ static std::int64_t item_of_team() {
    return std::int64_t{blockIdx.x} * teams + static_cast<int>(threadIdx.x) / (32 * team);
  }
  __device__ static void meet() {
    if constexpr (team == 1)
      __syncwarp();
    else
      __syncthreads();
  }

  /// Adds what 16 queries, the first `count` of which exist, contribute to the sums of 16 keys.
  template <class Rows>
  __device__ static __forceinline__ void add(FragmentC (&key_sums)[dim / 8], FragmentC (&value_sums)[dim / 8],
                                             const Rows& key, const Rows& value, const T* queries,
                                             const Shared<QueryStatistics>& statistics, int first_statistics, int count,
                                             const float (&weight)[2], float scale, const LaneRows& lanes) {
    const int lane = lanes.lane;
    const T* const gradients = queries + tile_elements;
    QueryStatistics query[4];  // of this lane's columns
#pragma unroll
    for (int i = 0; i < 4; ++i)
      query[i] = statistics[static_cast<std::size_t>(first_statistics + 8 * (i / 2) + 2 * (lane % 4) + i % 2)];
    FragmentC probability[2], score_gradient[2], minus_delta[2];
#pragma unroll
    for (int i = 0; i < 8; ++i) minus_delta[i / 4].value[i % 4] = -query[2 * (i / 4) + i % 2].delta;
    tensor_dots<T, dim>(probability, key, queries, lanes, {{}, {}});
    tensor_dots<T, dim>(score_gradient, value, gradients, lanes, minus_delta);  // dP - delta
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      float& to = probability[i / 4].value[i % 4];
      to = exp2_approx(fmaf(to, scale, weight[i / 2 % 2] - query[2 * (i / 4) + i % 2].lse2));
      score_gradient[i / 4].value[i % 4] *= to;
    }
    if (count < 16) {
#pragma unroll
      for (int i = 0; i < 8; ++i)
        if (step_column(i, lane) >= count) probability[i / 4].value[i % 4] = score_gradient[i / 4].value[i % 4] = 0;
    }
    tensor_sums<T, dim>(value_sums, as_a<T>(probability[0], probability[1]), gradients, lanes);
    tensor_sums<T, dim>(key_sums, as_a<T>(score_gradient[0], score_gradient[1]), queries, lanes);
  }

  /// Writes the sums of a warp's keys, from `first_row` of the tile on.
  __device__ static void store(const KeyGradientParams<T>& params, const KeyTile& tile, int first_row,
                               const FragmentC (&key_sums)[dim / 8], const FragmentC (&value_sums)[dim / 8], int lane) {
    const int head_dim = params.problem.head_dim, value_dim = params.problem.value_dim;
#pragma unroll
    for (int lower = 0; lower < 2; ++lower) {
      const int row = lane / 4 + 8 * lower, d = 2 * (lane % 4);
      if (first_row + row >= tile.count) continue;
      const KeyRow<T> to(params, tile, first_row + row);
#pragma unroll
      for (int n = 0; n < dim / 8; ++n)
        if (8 * n < head_dim) to.put_key(8 * n + d, {key_sums[n].value[2 * lower], key_sums[n].value[2 * lower + 1]});
#pragma unroll
      for (int n = 0; n < dim / 8; ++n)
        if (8 * n < value_dim)
          to.put_value(8 * n + d, {value_sums[n].value[2 * lower], value_sums[n].value[2 * lower + 1]});
    }
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

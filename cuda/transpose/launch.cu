#include <algorithm>
#include <bit>
#include <string>

#include "cuda/launch.cuh"
#include "cuda/transpose/kernel.cuh"
#include "cuda/transpose/launch.hpp"
#include "cuda/transpose/sort_pairs.hpp"
#include "cuda/workspace.hpp"

namespace llsa::cuda::inline LLSA_WORLD {
namespace {

struct Scratch {
  std::uint32_t* d_keys;
  std::uint32_t* d_sorted_keys;
  std::int32_t* d_queries;
  std::byte* d_sort;
  std::size_t sort_bytes;
};

/// Keys are 0 .. heads * T_l; the last stands for no entry.
int key_bits(const Levels& levels, const Level& level) {
  const std::int64_t most = levels.heads * level.keys;
  if (most > 0xffffffffll)
    throw Error("transpose: batch * heads * key tokens of a level is " + std::to_string(most) +
                "; at most 4294967295 are allowed");
  return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(most)));
}

std::int64_t entries(const Levels& levels, const Level& level) { return levels.heads * level.queries * level.width; }

/// The levels take turns with the same memory.
Scratch carve(const Levels& levels, Workspace& workspace) {
  std::int64_t most = 0;
  Scratch scratch{};
  for (int l = 1; l <= levels.levels; ++l) {
    const Level& level = levels.level[l];
    most = std::max(most, entries(levels, level));
    scratch.sort_bytes =
        std::max(scratch.sort_bytes, sort_pairs_workspace(entries(levels, level), key_bits(levels, level)));
  }
  scratch.d_keys = workspace.take<std::uint32_t>(most);
  scratch.d_sorted_keys = workspace.take<std::uint32_t>(most);
  scratch.d_queries = workspace.take<std::int32_t>(most);
  scratch.d_sort = workspace.take<std::byte>(static_cast<std::int64_t>(scratch.sort_bytes));
  return scratch;
}

template <class Kernel>
void launch_each(const char* name, std::int64_t count, const TransposeLevel& level, Stream stream) {
  launch<Kernel>(name, {grid_size((count + Kernel::threads - 1) / Kernel::threads), Kernel::threads, 0}, stream, level);
}

}  // namespace

std::size_t transpose_workspace(const Levels& levels) {
  Workspace workspace;
  carve(levels, workspace);
  return workspace.bytes();
}

void transpose(const TransposeParams& params, void* d_workspace, std::size_t workspace_bytes, Stream stream) {
  check_workspace("transpose", d_workspace, workspace_bytes, transpose_workspace(params.levels));
  Workspace workspace(d_workspace);
  const Scratch scratch = carve(params.levels, workspace);
  for (int l = 1; l <= params.levels.levels; ++l) {
    const Level& level = params.levels.level[l];
    const std::int64_t count = entries(params.levels, level);
    const TransposeLevel at{.d_lists = params.d_lists + level.list,
                            .d_keys = scratch.d_keys,
                            .d_queries = scratch.d_queries,
                            .d_sorted_keys = scratch.d_sorted_keys,
                            .d_offsets = params.d_offsets + level.offset,
                            .heads = params.levels.heads,
                            .queries = level.queries,
                            .keys = level.keys,
                            .width = level.width};
    launch_each<EmitPairsKernel>("llsa transpose: pairs", count, at, stream);
    sort_pairs({.d_keys = scratch.d_keys,
                .d_values = scratch.d_queries,
                .d_sorted_keys = scratch.d_sorted_keys,
                .d_sorted_values = params.d_query_indices + level.list,
                .count = count,
                .bits = key_bits(params.levels, level)},
               scratch.d_sort, scratch.sort_bytes, stream);
    launch_each<OffsetsKernel>("llsa transpose: offsets", level.keys * params.levels.heads + 1, at, stream);
  }
}

}  // namespace llsa::cuda::inline LLSA_WORLD

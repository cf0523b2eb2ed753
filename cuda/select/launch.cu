#include <algorithm>

#include "cuda/launch.cuh"
#include "cuda/select/kernel.cuh"
#include "cuda/select/launch.hpp"

namespace llsa::cuda::inline LLSA_WORLD {
namespace {

SelectLevel describe(const SelectParams& params, int l) {
  const Levels& levels = params.levels;
  const Level& level = levels.level[l];
  const bool coarsest = l == levels.levels;
  SelectLevel at;
  at.d_query = params.d_query + level.query_row * params.dim;
  at.d_key = params.d_key + level.key_row * params.dim;
  at.d_lists = params.d_lists + level.list;
  at.queries = level.queries;
  at.keys = level.keys;
  at.width = level.width;
  at.block_size = levels.block_size;
  at.family = std::min<std::int64_t>(levels.block_size, level.keys);
  at.dim = params.dim;
  at.siblings = at.queries;
  if (!coarsest) {
    at.d_parent_lists = params.d_lists + levels.level[l + 1].list;
    at.parent_width = levels.level[l + 1].width;
    at.parents = levels.level[l + 1].queries;
    at.siblings = std::min(levels.block_size, at.queries);
  }
  at.tiles = (at.siblings + select_tile::queries - 1) / select_tile::queries;
  return at;
}

}  // namespace

void select(const SelectParams& params, Stream stream) {
  for (int l = params.levels.levels; l >= 1; --l) {
    const SelectLevel level = describe(params, l);
    const LaunchShape shape{grid_size(params.levels.heads * level.parents * level.tiles), select_tile::threads,
                            select_tile::layout().bytes};
    if (level.width <= GroupList::entries)
      launch<SelectShortKernel>("llsa select", shape, stream, level);
    else if (level.width <= 32)
      launch<SelectKernel<1>>("llsa select", shape, stream, level);
    else
      launch<SelectKernel<2>>("llsa select", shape, stream, level);
  }
}

}  // namespace llsa::cuda::inline LLSA_WORLD

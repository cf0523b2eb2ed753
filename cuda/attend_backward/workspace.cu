#include <algorithm>

#include "cuda/attend_backward/workspace.cuh"
#include "cuda/workspace.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

BackwardWorkspace::BackwardWorkspace(const Levels& levels, int head_dim, int value_dim, bool masked, void* d_base) {
  Workspace all(d_base);
  const std::int64_t heads = levels.heads, dims = head_dim + value_dim;
  d_statistics = all.take<QueryStatistics>(heads * levels.level[0].queries);
  for (int finest : {1, 2})
    if (finest <= levels.enrichment_levels)
      d_handed_down[finest % 2] = all.take<float>(heads * levels.level[finest].keys * dims);
  std::int64_t parts = 0, mask = 0;
  for (int level = 0; level <= levels.enrichment_levels; ++level) {
    // Which kernels will run depends on more than the sizes: room for either plan.
    for (int tile_keys : {FmaTile::rows, tensor_tile_keys(levels, level)})
      parts = std::max(parts, make_key_plan(levels, level, tile_keys, !masked).part_floats(static_cast<int>(dims)));
    if (level < levels.levels)
      mask = std::max(mask, std::int64_t{levels.level[level + 1].keys} * levels.level[level + 1].queries);
  }
  d_parts = all.take<float>(heads * parts);
  if (masked) d_mask = all.take<std::uint8_t>(heads * mask);
  bytes = all.bytes();
}

}  // namespace llsa::cuda::inline LLSA_WORLD

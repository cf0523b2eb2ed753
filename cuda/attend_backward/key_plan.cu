#include <algorithm>

#include "cuda/attend_backward/key_plan.cuh"

namespace llsa::cuda::inline LLSA_WORLD {
namespace {

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// A part is long enough that adding it up costs little beside computing it, and short enough that a hot key's list
// becomes many. 32 entries of a level-1 list keep the workspace proportional to the tokens, whatever the block size.
std::int64_t listed_part(const Levels& levels) { return std::max<std::int64_t>(512, 32 * levels.block_size); }

// The coarsest level is one long list for every tile: at most this many parts for each head.
constexpr std::int64_t unlisted_parts = 256;

}  // namespace

int tensor_tile_keys(const Levels& levels, int level) {
  if (level == levels.levels || levels.block_size % 64 == 0) return 64;
  return levels.block_size % 32 == 0 ? 32 : 16;
}

KeyPlan make_key_plan(const Levels& levels, int level, int tile_keys, bool split) {
  const Level& keys = levels.level[level];
  const std::int64_t queries = levels.level[0].queries;
  KeyPlan plan{};
  plan.level = level;
  plan.listed = level < levels.levels;
  plan.tile_keys = tile_keys;
  plan.tiles_per_parent = 1;
  std::int64_t longest = queries, total = 0;
  if (plan.listed) {
    const Level& above = levels.level[level + 1];
    plan.parents = above.keys;
    plan.keys_per_parent = std::min<std::int64_t>(levels.block_size, keys.keys);
    plan.tiles_per_parent = divide_up(plan.keys_per_parent, tile_keys);
    plan.entry_slots = std::min<std::int64_t>(above.query_span, queries);
    plan.part_slots = listed_part(levels);
    longest = above.queries * plan.entry_slots;
    total = longest * above.width;
  } else {
    plan.parents = static_cast<std::int32_t>(divide_up(keys.keys, tile_keys));
    plan.keys_per_parent = tile_keys;
    plan.entry_slots = 1;
    const std::int64_t parts = std::clamp<std::int64_t>(unlisted_parts / plan.parents, 1, divide_up(queries, 512));
    plan.part_slots = divide_up(queries, parts);
    total = plan.parents * queries;
  }
  if (!split && plan.listed) plan.part_slots = longest;
  plan.places = longest > plan.part_slots ? divide_up(total, plan.part_slots) : 0;
  return plan;
}

}  // namespace llsa::cuda::inline LLSA_WORLD

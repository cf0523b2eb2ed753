#include "cuda/levels.hpp"

#include <algorithm>

namespace llsa::cuda {

Levels make_levels(const ResolvedOptions& options, std::int64_t heads, const Selection* selection) {
  Levels result;
  result.heads = heads;
  result.block_size = options.block_size;
  result.levels = options.levels;
  result.enrichment_levels = options.enrichment_levels;
  const auto narrow = [](std::int64_t x) { return static_cast<std::int32_t>(std::min<std::int64_t>(x, 2147483647)); };
  for (int l = 0; l <= options.levels; ++l) {
    Level& level = result.level[l];
    level.queries = narrow(options.query.length(l));
    level.keys = narrow(options.key.length(l));
    level.query_span = narrow(options.query.span(l));
    level.key_span = narrow(options.key.span(l));
  }
  for (int l = options.levels; l >= 1; --l) {
    Level& level = result.level[l];
    // A parent list of `width` tokens has at most `width * B` children; the division avoids an overflow.
    std::int64_t most = level.keys;
    if (l < options.levels && result.level[l + 1].width <= most / options.block_size)
      most = result.level[l + 1].width * options.block_size;
    level.width = narrow(selection ? selection->level(l).width : std::min(options.k(l), most));
  }
  for (int l = 1; l <= options.levels; ++l) {
    Level& level = result.level[l];
    level.query_row = result.query_rows;
    level.key_row = result.key_rows;
    level.list = result.list_entries;
    level.offset = result.offset_entries;
    result.query_rows += heads * level.queries;
    result.key_rows += heads * level.keys;
    result.list_entries += heads * level.queries * level.width;
    result.offset_entries += heads * level.keys + 1;
  }
  return result;
}

}  // namespace llsa::cuda

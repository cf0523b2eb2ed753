#include "compare/key_count.hpp"

#include <algorithm>
#include <cmath>

namespace llsa::compare {

KeyCount key_count(const ResolvedOptions& options) {
  KeyCount count;
  if (options.levels == 0) {
    count.fine = static_cast<double>(options.key.tokens());
    return count;
  }
  std::int64_t candidates = options.key.length(options.levels);
  for (int level = options.levels; level >= 1; --level) {
    const std::int64_t selected = std::min(options.k(level), candidates);
    const auto queries = static_cast<double>(options.query.length(level));
    count.scored += queries * static_cast<double>(candidates) / static_cast<double>(options.query.tokens());
    if (level <= options.enrichment_levels) {
      const std::int64_t refined = options.coverage == Coverage::disjoint ? selected : 0;
      count.coarse += static_cast<double>(candidates - refined);
    }
    candidates = std::min(selected * options.block_size, options.key.length(level - 1));
  }
  count.fine = static_cast<double>(candidates);
  return count;
}

std::int64_t matching_top_k(double keys, double coarse_keys, std::int64_t block_size, std::int64_t key_tokens) {
  const std::int64_t blocks = (key_tokens + block_size - 1) / block_size;
  const double wanted = std::round((keys - coarse_keys) / static_cast<double>(block_size));
  return static_cast<std::int64_t>(std::clamp(wanted, 1.0, static_cast<double>(blocks)));
}

}  // namespace llsa::compare

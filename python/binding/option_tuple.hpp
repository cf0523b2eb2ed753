#pragma once

#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "llsa/options.hpp"

namespace pyllsa {

/// block_size, levels, top_k, enrichment_levels (-1: as levels), reweight, disjoint, scale.
using OptionTuple = std::tuple<std::int64_t, int, std::vector<std::int64_t>, int, bool, bool, std::optional<double>>;

inline llsa::Options options_from(OptionTuple options) {
  auto& [block_size, levels, top_k, enrichment, reweight, disjoint, scale] = options;
  return {.block_size = block_size,
          .levels = levels,
          .top_k = std::move(top_k),
          .enrichment_levels = enrichment < 0 ? std::optional<int>{} : std::optional<int>{enrichment},
          .reweight = reweight,
          .coverage = disjoint ? llsa::Coverage::disjoint : llsa::Coverage::overlapping,
          .scale = scale};
}

}  // namespace pyllsa

#include "compare/verify/uncertain_keys.hpp"

#include <algorithm>

namespace llsa::compare::verify {
namespace {

bool holds(const std::vector<std::int32_t>& list, std::int64_t token) {
  return std::find(list.begin(), list.end(), static_cast<std::int32_t>(token)) != list.end();
}

}  // namespace

std::vector<UncertainKey> uncertain_keys(const ResolvedOptions& o, const LevelMeans& means, const Selection& lists,
                                         const std::vector<bool>& given, double gap, std::int64_t head,
                                         std::int64_t block) {
  std::vector<UncertainKey> keys;
  const auto weight = [&](int level, std::int64_t c) {
    return o.reweight ? static_cast<double>(o.key.count(level, c)) : 1.0;
  };
  PossibleList above;
  for (int l = o.levels; l >= 1; --l) {
    const std::int64_t t = block * o.block_size / o.query.span(l);
    std::vector<std::int32_t> tokens;
    std::vector<char> certain;
    const auto append = [&](TokenRange range, bool sure) {
      for (std::int64_t c = range.begin; c < range.end; ++c) {
        tokens.push_back(static_cast<std::int32_t>(c));
        certain.push_back(sure);
      }
    };
    if (l == o.levels)
      append({0, o.key.length(l)}, true);
    else
      for (const std::int32_t parent : above.possible)
        append(o.key.children(l + 1, parent), holds(above.certain, parent));

    PossibleList list;
    if (given[static_cast<std::size_t>(l)]) {
      const auto known = lists.list(l, head, t);
      list.certain.assign(known.begin(), known.end());
      list.possible = list.certain;
    } else {
      ScoredCandidates scored = scored_candidates(o, means, head, l, t, tokens);
      for (std::size_t n = 0; n < tokens.size(); ++n) scored.tokens[n].certain = certain[n];
      list = possible_list(scored.tokens, o.k(l), gap * scored.unit);
    }
    if (l <= o.enrichment_levels)
      for (std::size_t n = 0; n < tokens.size(); ++n) {
        const bool disjoint = o.coverage == Coverage::disjoint;
        if (disjoint && holds(list.certain, tokens[n]) && certain[n]) continue;
        const bool refined = disjoint && holds(list.possible, tokens[n]);
        keys.push_back({{l, tokens[n], weight(l, tokens[n])}, certain[n] && !refined});
      }
    above = std::move(list);
  }
  for (const std::int32_t c : above.possible) {
    const TokenRange children = o.key.children(1, c);
    for (std::int64_t j = children.begin; j < children.end; ++j) keys.push_back({{0, j, 1}, holds(above.certain, c)});
  }
  return keys;
}

}  // namespace llsa::compare::verify

#include "compare/verify/inferred_selection.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace llsa::compare::verify {
namespace {

/// Lists tried for one query token; with more, bounds serve.
constexpr std::size_t most_lists = 64, most_upper_lists = 12;
/// So many blocks that are right under no selection: theirs is wrong, and the search would only take time.
constexpr std::int64_t most_failures = 48;
/// Rows this near to a selection are right by it.
constexpr double fits = 1;

double dot(const double* x, const double* y, std::int64_t dim) { return std::inner_product(x, x + dim, y, 0.0); }

}  // namespace

ScoredCandidates scored_candidates(const ResolvedOptions& options, const LevelMeans& means, std::int64_t head,
                                   int level, std::int64_t t, const std::vector<std::int32_t>& candidates) {
  const auto query = means.query[static_cast<std::size_t>(level - 1)].view().head(head);
  const auto keys = means.key[static_cast<std::size_t>(level - 1)].view().head(options.key_head(head));
  ScoredCandidates scored;
  double longest = 0;
  for (const std::int32_t c : candidates) {
    scored.tokens.push_back({c, dot(query.row(t), keys.row(c), keys.dim)});
    const double square = dot(keys.row(c), keys.row(c), keys.dim);
    if (std::isfinite(square)) longest = std::max(longest, square);
  }
  scored.unit = std::sqrt(longest * dot(query.row(t), query.row(t), query.dim));
  if (!std::isfinite(scored.unit) || !(scored.unit > 0)) scored.unit = 1;
  return scored;
}

InferredSelection::InferredSelection(const ResolvedOptions& options, const LevelMeans& means, Selection lists,
                                     std::vector<bool> given, double gap)
    : options_(options), means_(means), lists_(std::move(lists)), given_(std::move(given)), gap_(gap) {
  const auto size = static_cast<std::size_t>(lists_.level(1).heads * options.query.length(1));
  blocks_.assign(size, Standing::exact);
  errors_.assign(size, 0);
  cut_.assign(size, 0);
}

std::int64_t InferredSelection::count(Standing standing) const {
  return std::count(blocks_.begin(), blocks_.end(), standing);
}

void InferredSelection::open_all(const std::vector<char>& suspect) {
  for (std::size_t b = 0; b < blocks_.size(); ++b)
    if (suspect[b]) blocks_[b] = Standing::open;
}

void InferredSelection::set(int level, std::int64_t head, std::int64_t t, const std::vector<std::int32_t>& list) {
  const auto row = lists_.level(level).row(head, t);
  std::fill(row.begin(), row.end(), -1);
  std::copy(list.begin(), list.end(), row.begin());
}

std::int64_t InferredSelection::below(int level, std::int64_t head, std::int64_t t) {
  if (level == 1) {
    errors_[block(head, t)] = evidence_->error(head, options_.query.fine(1, t), lists_);
    return !(errors_[block(head, t)] <= fits);
  }
  const TokenRange children = options_.query.children(level, t);
  std::int64_t wrong = 0;
  for (std::int64_t c = children.begin; c < children.end; ++c) wrong += solve(level - 1, head, c);
  return wrong;
}

std::int64_t InferredSelection::solve(int level, std::int64_t head, std::int64_t t) {
  if (given_[static_cast<std::size_t>(level)]) return below(level, head, t);
  std::vector<std::int32_t> allowed;
  candidates(lists_, options_, level, head, t, allowed);
  const ScoredCandidates scored = scored_candidates(options_, means_, head, level, t, allowed);
  const NearTies ties =
      near_tied_lists(scored.tokens, options_.k(level), gap_ * scored.unit, level == 1 ? most_lists : most_upper_lists);
  // Where none makes more blocks right, the definition's own stays: rows that are wrong choose nothing.
  std::int64_t best = std::numeric_limits<std::int64_t>::max();
  std::size_t best_list = 0, tried = 0;
  for (; tried < ties.lists.size(); ++tried) {
    set(level, head, t, ties.lists[tried]);
    const std::int64_t wrong = below(level, head, t);
    if (wrong < best) {
      best = wrong;
      best_list = tried;
    }
    if (best == 0) break;
  }
  if (best_list != std::min(tried, ties.lists.size() - 1)) {
    set(level, head, t, ties.lists[best_list]);
    best = below(level, head, t);
  }
  const TokenRange blocks{options_.query.fine(level, t).begin / options_.block_size,
                          (options_.query.fine(level, t).end - 1) / options_.block_size + 1};
  for (std::int64_t b = blocks.begin; b < blocks.end; ++b)
    if (!ties.complete) cut_[block(head, b)] = 1;
  return best;
}

void InferredSelection::infer(const Evidence& evidence, const std::vector<char>& suspect, ThreadPool& threads) {
  evidence_ = &evidence;
  const Selection before = lists_;
  const int top = options_.levels;
  std::int64_t failures = 0;
  for (std::int64_t head = 0; head < lists_.level(1).heads; ++head)
    for (std::int64_t t = 0; t < options_.query.length(top); ++t) {
      const std::int64_t begin = options_.query.fine(top, t).begin / options_.block_size,
                         end = (options_.query.fine(top, t).end - 1) / options_.block_size + 1;
      const auto first = suspect.begin() + static_cast<std::ptrdiff_t>(block(head, begin));
      if (failures > most_failures || std::count(first, first + (end - begin), 1) == 0) continue;
      threads.parallel_for(1, [](std::int64_t, int) {});  // throws when a stop was asked for
      solve(top, head, t);
      for (std::int64_t b = begin; b < end; ++b) {
        bool same = true;
        for (int l = 1; l <= top; ++l) {
          const std::int64_t at = b * options_.block_size / options_.query.span(l);
          same &= std::ranges::is_permutation(before.list(l, head, at), lists_.list(l, head, at));
        }
        const bool right = errors_[block(head, b)] <= fits;
        blocks_[block(head, b)] = !right && cut_[block(head, b)] ? Standing::open
                                  : same                         ? Standing::exact
                                                                 : Standing::alternative;
        failures += !right && !cut_[block(head, b)];
      }
    }
  evidence_ = nullptr;
}

}  // namespace llsa::compare::verify

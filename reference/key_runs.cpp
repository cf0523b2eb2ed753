#include "reference/key_runs.hpp"

#include <algorithm>

namespace llsa::reference {

void KeyRuns::shared(std::int64_t head, std::int64_t i, std::vector<KeyRun>& runs) {
  runs.clear();
  refined_.clear();
  if (options_->levels == 0) return append(0, {0, options_->key.tokens()}, runs);
  const int finest = options_->coverage == Coverage::overlapping ? 1 : 2;
  for (int level = options_->enrichment_levels; level >= finest; --level) append_level(level, head, i, runs);
}

void KeyRuns::own(std::int64_t head, std::int64_t t, std::vector<KeyRun>& runs) {
  runs.clear();
  if (options_->levels == 0) return;
  if (options_->coverage == Coverage::disjoint && options_->enrichment_levels >= 1)
    append_level(1, head, t * options_->query.span(1), runs);
  refined_.clear();
  for (const std::int32_t c : selection_->list(1, head, t)) append(0, options_->key.children(1, c), runs);
}

void KeyRuns::append_level(int level, std::int64_t head, std::int64_t i, std::vector<KeyRun>& runs) {
  const auto chosen = [&](int l) { return selection_->list(l, head, options_->query.ancestor(l, i)); };
  refined_.clear();
  if (options_->coverage == Coverage::disjoint) {
    const auto list = chosen(level);
    refined_.assign(list.begin(), list.end());
    std::sort(refined_.begin(), refined_.end());
  }
  if (level == options_->levels) return append(level, {0, options_->key.length(level)}, runs);
  for (const std::int32_t c : chosen(level + 1)) append(level, options_->key.children(level + 1, c), runs);
}

void KeyRuns::append(int level, TokenRange range, std::vector<KeyRun>& runs) {
  auto hole = std::lower_bound(refined_.begin(), refined_.end(), range.begin);
  while (range.begin < range.end) {
    const std::int64_t stop = hole != refined_.end() && *hole < range.end ? *hole++ : range.end;
    if (!runs.empty() && runs.back().level == level && runs.back().end == range.begin && stop > range.begin)
      runs.back().end = stop;
    else if (stop > range.begin)
      runs.push_back({level, range.begin, stop});
    range.begin = stop + 1;
  }
}

}  // namespace llsa::reference

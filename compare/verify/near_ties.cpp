#include "compare/verify/near_ties.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace llsa::compare::verify {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Best first, ties to the lower index.
void rank(std::vector<ScoredToken>& candidates) {
  for (ScoredToken& c : candidates)
    if (std::isnan(c.score)) c.score = -infinity;
  std::sort(candidates.begin(), candidates.end(), [](const ScoredToken& a, const ScoredToken& b) {
    return a.score != b.score ? a.score > b.score : a.token < b.token;
  });
}

/// By how much a leads b; equal infinities tie.
double lead(double a, double b) { return a == b ? 0 : a - b; }

/// Tokens of one score: only their number is open.
struct Group {
  std::size_t begin, size;
  double score;
};

class Enumeration {
 public:
  Enumeration(const std::vector<ScoredToken>& ranked, double gap, std::size_t most, NearTies& found)
      : ranked_(ranked), gap_(gap), most_(most), found_(found) {
    for (std::size_t n = 0; n < ranked.size(); ++n) {
      if (groups_.empty() || groups_.back().score != ranked[n].score) groups_.push_back({n, 0, ranked[n].score});
      ++groups_.back().size;
    }
  }

  /// Takes from group `g` on, with `room` tokens to go; `missing` is the best score that was left out.
  void take(std::size_t g, std::size_t room, double missing) {
    if (!found_.complete) return;
    if (room == 0) return finish();
    if (g == groups_.size() || lead(missing, groups_[g].score) > gap_) return;
    const Group& group = groups_[g];
    for (std::size_t count = std::min(room, group.size) + 1; count-- > 0;) {
      taken_.insert(taken_.end(), count, 0);
      for (std::size_t n = 0; n < count; ++n) taken_[taken_.size() - count + n] = ranked_[group.begin + n].token;
      take(g + 1, room - count, count < group.size ? std::max(missing, group.score) : missing);
      taken_.resize(taken_.size() - count);
      if (!found_.complete) return;
    }
  }

 private:
  void finish() {
    if (found_.lists.size() == most_)
      found_.complete = false;
    else
      found_.lists.push_back(taken_);
  }

  const std::vector<ScoredToken>& ranked_;
  double gap_;
  std::size_t most_;
  NearTies& found_;
  std::vector<Group> groups_;
  std::vector<std::int32_t> taken_;
};

}  // namespace

NearTies near_tied_lists(std::vector<ScoredToken> candidates, std::int64_t k, double gap, std::size_t most) {
  rank(candidates);
  const std::size_t size = std::min(static_cast<std::size_t>(k), candidates.size());
  NearTies found;
  if (size == candidates.size()) {
    found.lists.emplace_back();
    for (const ScoredToken& c : candidates) found.lists.back().push_back(c.token);
    return found;
  }
  // Nothing below this can replace what is selected.
  const double worst = candidates[size - 1].score;
  std::erase_if(candidates, [&](const ScoredToken& c) { return lead(worst, c.score) > gap; });
  Enumeration(candidates, gap, most, found).take(0, size, -infinity);
  return found;
}

PossibleList possible_list(std::vector<ScoredToken> candidates, std::int64_t k, double gap) {
  rank(candidates);
  const auto wanted = static_cast<std::size_t>(k);
  PossibleList list;
  // The best that may be left out, among all that may be candidates; the worst that is selected among the certain ones.
  const double left_out = wanted < candidates.size() ? candidates[wanted].score : -infinity;
  double selected = -infinity;
  std::size_t certain = 0;
  for (const ScoredToken& c : candidates)
    if (c.certain && ++certain == wanted) selected = c.score;
  for (const ScoredToken& c : candidates) {
    if (lead(selected, c.score) > gap) continue;
    list.possible.push_back(c.token);
    if (c.certain && (wanted >= candidates.size() || lead(c.score, left_out) > gap)) list.certain.push_back(c.token);
  }
  return list;
}

}  // namespace llsa::compare::verify

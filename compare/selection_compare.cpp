#include "compare/selection_compare.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace llsa::compare {
namespace {

double dot(const double* x, const double* y, std::int64_t dim) { return std::inner_product(x, x + dim, y, 0.0); }

/// How much better `a` ranks than `b`; NaN ranks last, equal infinities tie.
double lead(double a, double b) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) == std::isnan(b) ? 0 : std::isnan(b) ? infinity : -infinity;
  return a == b ? 0 : a - b;
}

/// One query token's candidates with their scores, best first as the definition orders them.
struct Ranked {
  std::vector<std::int32_t> tokens;
  std::vector<double> scores;
  double unit = 0;  ///< |Q| * max |K|, over finite candidates
};

class Judge {
 public:
  Judge(const Selection& selection, const std::vector<Tensor<double>>& query, const std::vector<Tensor<double>>& key,
        const ResolvedOptions& options)
      : selection_(selection), query_(query), key_(key), options_(options) {}

  void judge(int level, std::int64_t head, std::int64_t t) {
    ++result.lists;
    rank(level, head, t);
    const auto got = selection_.list(level, head, t);
    const auto wanted = static_cast<std::size_t>(
        std::min<std::int64_t>(options_.k(level), static_cast<std::int64_t>(ranked_.tokens.size())));
    if (got.size() != wanted) {
      if (result.wrong_lengths++ == 0)
        note(level, head, t, fmt::format("holds {} tokens where {} are selected", got.size(), wanted));
      return;
    }
    judge_tokens(level, head, t, got, wanted);
    judge_order(got);
  }

  SelectionComparison result;

 private:
  void rank(int level, std::int64_t head, std::int64_t t) {
    candidates(selection_, options_, level, head, t, tokens_);
    const auto q = query_[static_cast<std::size_t>(level - 1)].view().head(head);
    const auto k = key_[static_cast<std::size_t>(level - 1)].view().head(options_.key_head(head));
    double longest = 0;
    scores_.resize(tokens_.size());
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      scores_[i] = dot(q.row(t), k.row(tokens_[i]), q.dim);
      const double norm = std::sqrt(dot(k.row(tokens_[i]), k.row(tokens_[i]), k.dim));
      if (std::isfinite(norm)) longest = std::max(longest, norm);
    }
    order_.resize(tokens_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      const double by = lead(scores_[a], scores_[b]);
      return by != 0 ? by > 0 : tokens_[a] < tokens_[b];
    });
    ranked_.tokens.clear();
    ranked_.scores.clear();
    places_.resize(static_cast<std::size_t>(options_.key.length(level)));  // only candidates' entries are read
    for (const std::size_t i : order_) {
      places_[static_cast<std::size_t>(tokens_[i])] = ranked_.tokens.size();
      ranked_.tokens.push_back(tokens_[i]);
      ranked_.scores.push_back(scores_[i]);
    }
    ranked_.unit = std::sqrt(dot(q.row(t), q.row(t), q.dim)) * longest;
  }

  /// A difference of scores in units of their size.
  double relative(double difference) const {
    return difference > 0 && std::isfinite(ranked_.unit) && ranked_.unit > 0 ? difference / ranked_.unit : difference;
  }

  /// Where a candidate stands in the ranking.
  std::size_t place(std::int32_t token) const { return places_[static_cast<std::size_t>(token)]; }

  void judge_tokens(int level, std::int64_t head, std::int64_t t, std::span<const std::int32_t> got,
                    std::size_t wanted) {
    std::size_t extra = 0, worst_got = 0;  // places in the ranking
    chosen_.assign(wanted, false);
    for (const std::int32_t token : got) {
      const std::size_t at = place(token);
      if (at < wanted) {
        chosen_[at] = true;
        continue;
      }
      ++extra;
      worst_got = std::max(worst_got, at);
    }
    if (extra == 0) return;
    const auto missing = static_cast<std::size_t>(std::find(chosen_.begin(), chosen_.end(), false) - chosen_.begin());
    const double gap = relative(lead(ranked_.scores[missing], ranked_.scores[worst_got]));
    ++result.flipped_lists;
    result.flips += static_cast<std::int64_t>(extra);
    if (gap == 0) result.tie_flips += static_cast<std::int64_t>(extra);
    if (result.wrong_lengths == 0 && (result.worst_what.empty() || gap > result.largest_gap))
      note(level, head, t,
           fmt::format("has key token {} (score {:.6g}) where {} (score {:.6g}) is right", ranked_.tokens[worst_got],
                       ranked_.scores[worst_got], ranked_.tokens[missing], ranked_.scores[missing]));
    result.largest_gap = std::max(result.largest_gap, gap);
  }

  void judge_order(std::span<const std::int32_t> got) {
    bool misordered = false, tie = false;
    for (std::size_t i = 0; i + 1 < got.size(); ++i) {
      const std::size_t here = place(got[i]), next = place(got[i + 1]);
      if (here < next) continue;
      const double gap = relative(lead(ranked_.scores[next], ranked_.scores[here]));
      misordered = true;
      tie |= gap == 0;
      result.largest_order_gap = std::max(result.largest_order_gap, gap);
    }
    result.misordered_lists += misordered;
    result.tie_order += tie;
  }

  void note(int level, std::int64_t head, std::int64_t t, std::string what) {
    result.worst_level = level;
    result.worst_head = head;
    result.worst_token = t;
    result.worst_what = std::move(what);
  }

  const Selection& selection_;
  const std::vector<Tensor<double>>&query_, &key_;
  const ResolvedOptions& options_;
  Ranked ranked_;
  std::vector<std::int32_t> tokens_;
  std::vector<double> scores_;
  std::vector<std::size_t> order_, places_;
  std::vector<bool> chosen_;
};

}  // namespace

SelectionComparison compare_selection(const Selection& selection, const std::vector<Tensor<double>>& query,
                                      const std::vector<Tensor<double>>& key, const ResolvedOptions& options,
                                      int lowest, int highest) {
  Judge judge(selection, query, key, options);
  for (int level = highest; level >= lowest; --level)
    for (std::int64_t head = 0; head < selection.level(level).heads; ++head)
      for (std::int64_t t = 0; t < selection.level(level).queries; ++t) judge.judge(level, head, t);
  return std::move(judge.result);
}

bool same_tokens(const SelectionComparison& c, double gap) {
  return c.wrong_lengths == 0 && c.tie_flips == 0 && c.largest_gap <= gap;
}

bool same_order(const SelectionComparison& c, double gap) { return c.tie_order == 0 && c.largest_order_gap <= gap; }

std::string explain(const SelectionComparison& c) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : "; ") + part; };
  if (c.wrong_lengths > 0) add(fmt::format("{} of {} lists have a wrong length", c.wrong_lengths, c.lists));
  if (c.flips > 0)
    add(fmt::format("{} flips in {} of {} lists, largest score gap {:.2g}", c.flips, c.flipped_lists, c.lists,
                    c.largest_gap));
  if (c.tie_flips > 0) add(fmt::format("{} flips between equal scores, which go to the lower index", c.tie_flips));
  if (!c.worst_what.empty())
    add(fmt::format("level {}, head {}, query token {} {}", c.worst_level, c.worst_head, c.worst_token, c.worst_what));
  if (c.misordered_lists > 0)
    add(fmt::format("{} lists are not ordered by score, largest inversion {:.2g}", c.misordered_lists,
                    c.largest_order_gap));
  return text;
}

}  // namespace llsa::compare

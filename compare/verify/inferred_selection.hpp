#pragma once

#include <vector>

#include "compare/verify/evidence.hpp"
#include "compare/verify/near_ties.hpp"
#include "llsa/selection.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::compare::verify {

/// How the selection of a query block (a level-1 query token) was found.
enum class Standing : char {
  exact,        ///< it is the definition's, or was given
  alternative,  ///< another one that rounding allows, by which their rows are right
  open,         ///< too many are allowed, and none of those tried makes their rows right: only bounds are left
};

/// Level means in double, level l at `[l - 1]`.
struct LevelMeans {
  std::vector<Tensor<double>> query, key;
};

/// The candidates of a list with their scores, and the unit |Q| max |K| of a gap between them.
struct ScoredCandidates {
  std::vector<ScoredToken> tokens;
  double unit = 1;
};
ScoredCandidates scored_candidates(const ResolvedOptions& options, const LevelMeans& means, std::int64_t head,
                                   int level, std::int64_t t, const std::vector<std::int32_t>& candidates);

/// Finds, among the selections that rounding of scores by `gap` (of |Q||K|) allows, the one by which the rows that were
/// given are right, query block by query block.
class InferredSelection {
 public:
  /// `lists` is where it starts: the definition's. Levels with `given[l]` stay as they are.
  InferredSelection(const ResolvedOptions& options, const LevelMeans& means, Selection lists, std::vector<bool> given,
                    double gap);

  /// `suspect[head * T_1 + block]`: blocks whose rows are not right on `lists`. The others are left as they are, and
  /// so are blocks after so many that no selection makes right that theirs is wrong anyway.
  void infer(const Evidence& evidence, const std::vector<char>& suspect, ThreadPool& threads);
  /// Without evidence every block of `suspect` is open.
  void open_all(const std::vector<char>& suspect);

  const Selection& lists() const { return lists_; }
  const std::vector<Standing>& blocks() const { return blocks_; }  ///< `[head * T_1 + block]`
  std::int64_t count(Standing standing) const;

 private:
  /// Sets the lists of query token t and of all below it, given those above, so that as few blocks as can be are wrong;
  /// returns how many are.
  std::int64_t solve(int level, std::int64_t head, std::int64_t t);
  std::int64_t below(int level, std::int64_t head, std::int64_t t);
  void set(int level, std::int64_t head, std::int64_t t, const std::vector<std::int32_t>& list);
  std::size_t block(std::int64_t head, std::int64_t t) const {
    return static_cast<std::size_t>(head * options_.query.length(1) + t);
  }

  const ResolvedOptions& options_;
  const LevelMeans& means_;
  Selection lists_;
  std::vector<bool> given_;
  double gap_;
  const Evidence* evidence_ = nullptr;
  std::vector<Standing> blocks_;
  std::vector<double> errors_;
  std::vector<char> cut_;  ///< blocks for which not all that rounding allows was tried
};

}  // namespace llsa::compare::verify

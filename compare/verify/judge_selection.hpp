#pragma once

#include <functional>
#include <optional>

#include "compare/verify/verify.hpp"

namespace llsa::compare::verify {

/// What is said of given indices, and the lists that values are judged on.
struct SelectionVerdicts {
  std::vector<TensorVerdict> tensors;  ///< one for each level that is given
  std::optional<Selection> lists;  ///< theirs, the definition's for levels not given; empty when they are no selection
  std::vector<bool> given;         ///< `[l]`: taken from theirs
  std::string note;
};

/// Judges each given level by the lists above it, so that a mistake is blamed on its own level (spec section 3). Scores
/// may be off by `gap`, in units of |Q||K|. `on_alternatives` is called before wrong lists are held against other ways
/// to select.
SelectionVerdicts judge_selection(const Problem<double>& problem, const Theirs& theirs, double gap, bool diagnose,
                                  ThreadPool& threads, const std::function<void()>& on_alternatives);

}  // namespace llsa::compare::verify

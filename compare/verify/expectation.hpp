#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compare/verify/judged.hpp"
#include "compare/verify/measures.hpp"

namespace llsa::compare::verify {

/// What one tensor of theirs is held against.
struct Expected {
  Tensor<double> want;
  Judged judged;
  std::vector<char> exact;  ///< rows `[batch, head, token]` without an element that is bounded only; empty: all
};

/// What theirs is held against: the reference in double on the selection that was given; on the definition's, where its
/// rows come out right; on a near-tied one by which they do; and where there are too many of these, the value nearest
/// to theirs within bounds that all of them satisfy.
struct Expectation {
  Outcome<double> truth;                               ///< on the selection that was given or found
  std::map<std::string, Expected> wants;               ///< for each tensor of theirs that can be judged
  std::int64_t blocks = 0, alternative = 0, open = 0;  ///< query blocks of all heads, and those that are not exact
};

/// `lists` holds the levels with `given[l]` and the definition's for the others; null: the definition selects all.
/// `gap` is by how much scores may be off, in units of |Q||K|.
Expectation expect(const Problem<double>& problem, const Theirs& theirs, const Selection* lists,
                   const std::vector<bool>& given, double gap, Measures& measures, ThreadPool& threads);

}  // namespace llsa::compare::verify

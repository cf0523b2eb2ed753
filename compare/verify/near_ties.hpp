#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace llsa::compare::verify {

/// One candidate of a list with its score; NaN ranks last.
struct ScoredToken {
  std::int32_t token = 0;
  double score = 0;
  bool certain = true;  ///< it is a candidate under every selection above that rounding allows (`possible_list`)
};

/// The lists that may be selected when every score may be off by rounding.
struct NearTies {
  std::vector<std::vector<std::int32_t>> lists;  ///< the definition's own first; each best first
  bool complete = true;                          ///< no list is missing
};

/// All lists of `k` tokens (or all candidates, if fewer) in which no token that was left out scores more than `gap`
/// above one that was selected, up to `most` of them. Scores that are exactly equal go to the lower index, as spec
/// section 3 wants: rounding is no excuse there.
NearTies near_tied_lists(std::vector<ScoredToken> candidates, std::int64_t k, double gap, std::size_t most);

/// What can be said of a list when the list above it is not known either.
struct PossibleList {
  std::vector<std::int32_t> certain;   ///< selected under every selection that rounding allows
  std::vector<std::int32_t> possible;  ///< selected under some, those certain included
};
PossibleList possible_list(std::vector<ScoredToken> candidates, std::int64_t k, double gap);

}  // namespace llsa::compare::verify

#pragma once

#include <string>
#include <vector>

#include "compare/verify/inferred_selection.hpp"

namespace llsa::compare::verify {

/// Lists that came from outside, made into a selection: what is no candidate or repeats is dropped, an empty list gets
/// its first candidate. So one level's mistake is its own, and the levels below are judged on what is left of it.
struct Repaired {
  Selection lists;
  std::vector<std::string> errors;  ///< `[l]`: the first mistake of level l and how many lists have one; empty: none
  bool repaired() const;
};
/// Levels without `given[l]` are selected by the definition, below what stands above them. Shapes must be right
/// (`read_theirs`).
Repaired repaired(const Selection& lists, const std::vector<bool>& given, const LevelMeans& means,
                  const ResolvedOptions& options);

}  // namespace llsa::compare::verify

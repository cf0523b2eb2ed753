#pragma once

#include <vector>

#include "compare/verify/inferred_selection.hpp"
#include "reference/naive.hpp"

namespace llsa::compare::verify {

/// A key that a query attends to for sure, or may attend to.
struct UncertainKey {
  reference::AttendedKey ref;
  bool certain = true;
};

/// The key set of a query block whose selection is open (spec sections 4 and 6): every key of every key set that
/// rounding of scores by `gap` allows; those in all of them are certain. Levels with `given[l]` are taken from `lists`.
std::vector<UncertainKey> uncertain_keys(const ResolvedOptions& options, const LevelMeans& means,
                                         const Selection& lists, const std::vector<bool>& given, double gap,
                                         std::int64_t head, std::int64_t block);

}  // namespace llsa::compare::verify

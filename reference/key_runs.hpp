#pragma once

#include <cstdint>
#include <vector>

#include "llsa/selection.hpp"

namespace llsa::reference {

/// Consecutive key tokens `[begin, end)` of one level (0 is fine).
struct KeyRun {
  int level = 0;
  std::int64_t begin = 0, end = 0;
};

/// The key set of spec sections 4 and 6 as runs of tokens, in two parts: what all queries under one level-2 query token
/// share (with L = 1 and overlapping coverage, or L = 0: what all queries share), and what one query block has for
/// itself: its fine blocks, and with disjoint coverage the level-1 keys that it did not refine.
/// A query's keys are `shared` then `own`; every key stands in exactly one run.
class KeyRuns {
 public:
  KeyRuns(const Selection& selection, const ResolvedOptions& options) : selection_(&selection), options_(&options) {}

  /// Levels Le down to 1 (or 2), for the query token tree that holds fine query `i`; all keys when L = 0. Overwrites
  /// `runs`.
  void shared(std::int64_t head, std::int64_t i, std::vector<KeyRun>& runs);
  /// For query block `t` (a level-1 query token). Overwrites `runs`; empty when L = 0.
  void own(std::int64_t head, std::int64_t t, std::vector<KeyRun>& runs);

 private:
  void append_level(int level, std::int64_t head, std::int64_t i, std::vector<KeyRun>& runs);
  void append(int level, TokenRange range, std::vector<KeyRun>& runs);

  const Selection* selection_;
  const ResolvedOptions* options_;
  std::vector<std::int32_t> refined_;  // scratch: sorted tokens to leave out
};

}  // namespace llsa::reference

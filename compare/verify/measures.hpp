#pragma once

#include <map>
#include <optional>
#include <string>

#include "compare/allowance.hpp"
#include "compare/comparator.hpp"
#include "compare/verify/theirs.hpp"

namespace llsa::compare::verify {

/// How one tensor of theirs is compared, and how far it may be off.
struct Measure {
  DType type = DType::f32;  ///< the arithmetic that is expected
  CompareOptions how;
  Tolerance tolerance{};
};

/// The measures of everything in theirs. For half types they are derived from dense attention by the reference in that
/// type on the same inputs (at most their first 1,024 tokens and 8 heads), else they come from the table.
class Measures {
 public:
  /// `expected`: the arithmetic to expect is no better than this type's; the stored types decide otherwise.
  Measures(const Problem<double>& problem, const Theirs& theirs, std::optional<DType> expected, ThreadPool& threads)
      : problem_(problem),
        theirs_(theirs),
        expected_(expected),
        threads_(threads),
        magnitudes_(magnitudes_of(problem)) {}

  /// `name` is "o", "lse", "dq", "dk" or "dv" and must be in theirs.
  Measure of(const std::string& name);
  /// What arithmetic in `type` would be allowed.
  Tolerance tolerance(const std::string& name, DType type);

 private:
  const Allowances& allowances(DType type);
  double floor(const std::string& name) const;

  const Problem<double>& problem_;
  const Theirs& theirs_;
  std::optional<DType> expected_;
  ThreadPool& threads_;
  Magnitudes magnitudes_;
  std::map<DType, Allowances> known_;
};

/// Coarser types have larger tolerances.
DType coarser(DType a, DType b);

}  // namespace llsa::compare::verify

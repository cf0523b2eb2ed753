#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "compare/per_result.hpp"
#include "compare/problem.hpp"
#include "compare/random.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::compare::check {

/// A right outcome that is about to be spoiled.
struct Victim {
  const Problem<double>& problem;
  Outcome<double>& outcome;
  const PerResult<Tolerance>& allowed;  ///< what its precision allows
  int target = 0;                       ///< which of o, lse, dq, dk, dv (0 to 4) a corruption of one tensor meets
  Random random;
  ThreadPool& threads;

  Tensor<double>& tensor();
  double rms();    ///< of that tensor
  double noise();  ///< root mean square error that is allowed in it
};

/// One way to be wrong, at several sizes of error, which are relative to the tensor's root mean square where not said
/// otherwise.
struct Corruption {
  std::string name;
  std::vector<double> sizes;
  std::function<void(Victim&, double size)> apply;
  /// From this size on every single one must be caught, in every precision.
  double sure_from = std::numeric_limits<double>::infinity();
};
std::vector<Corruption> corruptions();

}  // namespace llsa::compare::check

#pragma once

#include <string_view>
#include <vector>

#include "compare/fitted_exponent.hpp"
#include "compare/profile/profile.hpp"
#include "compare/statistics.hpp"

namespace llsa::compare::profile {

/// Medians of a method's pass ("total"), ascending in tokens.
std::vector<CostPoint> cost_curve(const Profile& profile, std::string_view method, std::string_view pass);

/// From which N on LLSA is faster: between the last length at which it is not and the next, where the two straight
/// lines of the log-log chart meet. Only lengths that both have count.
struct Crossover {
  enum class Kind { between, always_faster, never_faster, unknown } kind = Kind::unknown;
  double tokens = 0;  ///< for `between`
};
Crossover crossover(const std::vector<CostPoint>& llsa, const std::vector<CostPoint>& dense);

}  // namespace llsa::compare::profile

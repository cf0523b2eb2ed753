#pragma once

#include <fmt/format.h>

#include <string>

#include "compare/statistics.hpp"

namespace llsa::compare::tables {

/// "0.4123 ± 0.0021".
inline std::string with_spread(const Spread& s, bool sign = false) {
  return sign ? fmt::format("{:+.4f} ± {:.4f}", s.mean, s.deviation)
              : fmt::format("{:.4f} ± {:.4f}", s.mean, s.deviation);
}

}  // namespace llsa::compare::tables

#pragma once

#include <cstdint>

namespace llsa::compare::verify {

/// How much of a tensor was judged, and by what. Rows are tokens of a head.
struct Judged {
  std::int64_t rows = 0;
  std::int64_t exact = 0;        ///< held against the one right result
  std::int64_t alternative = 0;  ///< against that of a near-tied selection, by which they are right
  std::int64_t bounded = 0;      ///< against bounds that every selection within rounding satisfies
  std::int64_t elements = 0;
  std::int64_t not_judged = 0;  ///< elements: bounds as wide as the tensor, or inputs that exceed the precision

  double share() const {
    return elements == 0 ? 0 : static_cast<double>(elements - not_judged) / static_cast<double>(elements);
  }
};

}  // namespace llsa::compare::verify

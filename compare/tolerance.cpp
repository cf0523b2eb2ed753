#include "compare/tolerance.hpp"

#include <cmath>
#include <limits>

namespace llsa::compare {

Tolerance tolerance_of(DType storage, Strictness strictness) {
  const bool strict = strictness == Strictness::tests;
  switch (storage) {
    // The cosine of f64 is what rounding leaves of sums over some ten thousand equal elements.
    //                            relative_l2  cosine  element  score_gap  resolution
    case DType::f64:
      return strict ? Tolerance{2e-13, 1e-13, 4e-12, 1e-14, 0} : Tolerance{1e-11, 1e-13, 1e-9, 1e-12, 0};
    case DType::f32:
      return strict ? Tolerance{6e-6, 1e-10, 6e-5, 3e-6, 0} : Tolerance{1e-5, 1e-9, 2e-4, 2e-6, 0};
    case DType::f16:
      return {3e-3, 1e-5, 2e-2, 2e-3, 0x1p-24};
    case DType::bf16:
      return {2e-2, 2e-4, 1e-1, 1e-2, 0};
  }
  return {};
}

Tolerance widened(Tolerance t, double largest_score, DType arithmetic) {
  const double step = arithmetic == DType::f64 ? std::numeric_limits<double>::epsilon()
                                               : static_cast<double>(std::numeric_limits<float>::epsilon());
  const double extra = std::isfinite(largest_score) ? 4 * step * largest_score : 0;
  t.relative_l2 += extra;
  t.cosine += extra * extra;
  t.element += 10 * extra;
  return t;
}

}  // namespace llsa::compare

#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "diffusion/aligned.hpp"
#include "diffusion/random.hpp"

namespace llsa::diffusion::testing {

using Numbers = AlignedVector<double>;

/// Standard normal numbers; another `stream` gives others.
inline Numbers normal_numbers(std::int64_t size, std::uint64_t stream, double scale = 1) {
  Numbers values(static_cast<std::size_t>(size));
  RandomSequence(99, Purpose::directions, stream).fill_normal(std::span<double>(values), scale);
  return values;
}

inline double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// Holds `analytic` against central differences of `loss` in every `stride`-th element of `values`.
inline void expect_gradient(const std::string& what, std::span<double> values, std::span<const double> analytic,
                            const std::function<double()>& loss, std::size_t stride = 1, double tolerance = 2e-7) {
  ASSERT_EQ(values.size(), analytic.size()) << what;
  double largest = 1;
  for (double g : analytic) largest = std::max(largest, std::abs(g));
  for (std::size_t i = 0; i < values.size(); i += stride) {
    const double kept = values[i], h = 1e-5;
    values[i] = kept + h;
    const double above = loss();
    values[i] = kept - h;
    const double below = loss();
    values[i] = kept;
    const double numeric = (above - below) / (2 * h);
    ASSERT_TRUE(std::abs(numeric - analytic[i]) <= tolerance * largest)
        << what << " element " << i << ": analytic " << analytic[i] << ", central difference " << numeric;
  }
}

}  // namespace llsa::diffusion::testing

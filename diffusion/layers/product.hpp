#pragma once

#include <cstdint>

namespace llsa::diffusion {

/// `c = a^T b` for row-major `a` `[rows, m]`, `b` `[rows, n]` and `c` `[m, n]`, which is overwritten: a weight
/// gradient. Works on the calling thread alone; the order of the sums depends on the extents (and the machine), so the
/// bits do not depend on how many threads call it. float goes through oneDNN where the build found it, all else through
/// Eigen.
template <class T>
void transposed_product(std::int64_t rows, std::int64_t m, std::int64_t n, const T* a, const T* b, T* c);

}  // namespace llsa::diffusion

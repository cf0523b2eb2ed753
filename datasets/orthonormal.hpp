#pragma once

#include <cstdint>
#include <vector>

namespace llsa::datasets {

/// A random `rows x columns` matrix (row-major, columns <= rows) with orthonormal columns, a pure function of its
/// arguments.
std::vector<double> orthonormal_columns(int rows, int columns, std::uint64_t seed);

}  // namespace llsa::datasets

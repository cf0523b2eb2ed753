#pragma once

#include <string>
#include <vector>

#include "cuda/ptx/counts.hpp"

namespace llsa::ptx {

/// What a chip can do at most, from its maker's documents.
struct Chip {
  std::string name;
  double clock_hertz = 0;
  int multiprocessors = 0;
  double matrix_flops = 0;  ///< dense, 16-bit operands, fp32 sums
  double memory_bytes = 0;  ///< a second
  std::string source;
};

const std::vector<Chip>& chips();
/// Throws `Error` for a name that is not in the table.
const Chip& chip_named(const std::string& name);

/// Times in seconds below which a kernel cannot stay, one for each part of the chip that it needs.
struct Bounds {
  double issue = 0;   ///< four warp instructions of PTX a clock and multiprocessor; ptxas may need fewer or more
  double matrix = 0;  ///< tensor cores
  double shared = 0;  ///< one pass over the banks a clock and multiprocessor
  double memory = 0;  ///< sectors that the L2 model misses
  double largest() const;
  std::string name_of_largest() const;
};

Bounds bounds(const Counts& counts, const Chip& chip);

}  // namespace llsa::ptx

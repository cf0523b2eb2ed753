#include "cuda/ptx/report/chips.hpp"

#include <algorithm>

#include "llsa/error.hpp"

namespace llsa::ptx {

const std::vector<Chip>& chips() {
  static const std::vector<Chip> table = {
      {"a100", 1.41e9, 108, 312e12, 2.039e12, "NVIDIA A100 Tensor Core GPU datasheet (80 GB SXM) and whitepaper"},
      {"h100", 1.83e9, 132, 989.4e12, 3.35e12, "NVIDIA H100 Tensor Core GPU datasheet (SXM5) and Hopper whitepaper"},
      {"h200", 1.83e9, 132, 989.4e12, 4.8e12, "NVIDIA H200 Tensor Core GPU datasheet (SXM); clock as H100"},
      {"l40s", 2.52e9, 142, 362.05e12, 0.864e12, "NVIDIA L40S datasheet and Ada whitepaper"}};
  return table;
}

const Chip& chip_named(const std::string& name) {
  std::string allowed;
  for (const Chip& chip : chips()) {
    if (chip.name == name) return chip;
    allowed += (allowed.empty() ? "" : ", ") + chip.name;
  }
  throw Error("no chip \"" + name + "\" in the table; it has " + allowed);
}

double Bounds::largest() const { return std::max({issue, matrix, shared, memory}); }

std::string Bounds::name_of_largest() const {
  const double most = largest();
  return most == issue ? "issue" : most == matrix ? "matrix" : most == shared ? "shared" : "memory";
}

Bounds bounds(const Counts& counts, const Chip& chip) {
  const double clocks = chip.clock_hertz * chip.multiprocessors;
  return {static_cast<double>(counts.instructions) / (4 * clocks),
          static_cast<double>(counts.matrix_operations) / chip.matrix_flops,
          static_cast<double>(counts.shared_wavefronts) / clocks,
          static_cast<double>(counts.missing_sectors) * 32 / chip.memory_bytes};
}

}  // namespace llsa::ptx

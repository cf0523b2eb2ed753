#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "cuda/ptx/cache.hpp"
#include "cuda/ptx/program.hpp"

namespace llsa::ptx {

/// What the launches of one kernel did. Counted while the compiled PTX was executed by the interpreter; ptxas may still
/// merge or drop instructions of it.
struct Counts {
  std::uint64_t launches = 0, blocks = 0, threads = 0;
  std::uint64_t block_shared_bytes = 0;  ///< of a block, the most of any launch
  std::uint64_t instructions = 0;        ///< of warps, whatever the number of active lanes
  std::array<std::uint64_t, class_count> by_class{};
  std::uint64_t matrix_operations = 0;                 ///< multiplications and additions of tensor-core instructions
  std::uint64_t barriers = 0, divergent_branches = 0;  ///< barriers: one for each block that passes one
  std::uint64_t copy_async_bytes = 0;
  // Only with Settings::count:
  std::uint64_t shared_wavefronts = 0,
                best_wavefronts = 0;   ///< passes over the 32 banks; those that no layout can save
  std::uint64_t global_sectors = 0;    ///< 32 bytes each, summed over warp instructions
  std::uint64_t distinct_sectors = 0;  ///< different ones within a launch, summed over launches
  std::uint64_t missing_sectors = 0;   ///< not in the L2 model, which keeps its lines between launches

  Counts& operator+=(const Counts& other);
  /// Name and value of each field, the classes by their names.
  std::map<std::string, std::uint64_t> named() const;
};

/// Counts by kernel. Names are demangled and shortened to the kernel class and its arguments.
class Counters {
 public:
  Counts& of(const std::string& mangled);
  const std::map<std::string, Counts>& all() const { return by_kernel_; }
  void clear() { by_kernel_.clear(); }

 private:
  std::map<std::string, Counts> by_kernel_;
  std::map<std::string, std::string> short_names_;
};

/// All counts since the program began or since they were cleared.
Counters& counters();

/// "select::SelectKernel<1>" and the like of a mangled entry.
std::string readable_name(const std::string& mangled);

/// Counts one warp instruction's passes over the banks of shared memory. Accesses of 4 bytes a lane or less go
/// together, those of 8 in two halves of the warp, those of 16 in four quarters; each takes as many passes as the
/// fullest bank has different words.
void count_wavefronts(Counts& counts, const std::uint32_t* addresses, std::uint32_t lanes, std::uint32_t bytes);

}  // namespace llsa::ptx

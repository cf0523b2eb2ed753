#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cuda/ptx/counts.hpp"
#include "cuda/ptx/memory.hpp"
#include "cuda/ptx/program.hpp"
#include "cuda/ptx/settings.hpp"
#include "cuda/ptx/shadow.hpp"
#include "cuda/ptx/warp.hpp"

namespace llsa::ptx {

struct Extent {
  std::uint32_t x = 1, y = 1, z = 1;
  std::uint64_t size() const { return std::uint64_t{x} * y * z; }
};

struct LaunchShape {
  Extent blocks, threads;
  std::uint32_t dynamic_shared_bytes = 0;
};

/// Runs the blocks of a launch, one after the other, on the calling thread.
class Block {
 public:
  Block(const Program& program, const LaunchShape& shape, std::span<const std::byte> parameters, DeviceMemory& memory,
        const Settings& settings, Cache& cache);
  /// All blocks of the grid, in the order of the settings. Throws `Error` that names kernel, line, block and thread
  /// when a check finds something.
  void run_grid();

  // For warps and handlers.
  const Program& program() const { return *program_; }
  std::uint64_t* executed() { return executed_.data(); }
  Counts& counts() { return counts_; }
  const Settings& settings() const { return *settings_; }
  DeviceMemory& memory() { return *memory_; }
  std::span<const std::byte> parameters() const { return parameters_; }
  std::span<std::byte> shared() { return shared_; }
  Shadow& shared_shadow(std::uint32_t offset) { return shared_shadow_[offset >> 2]; }
  void count_global(const std::uint64_t* addresses, std::uint32_t lanes);

  Clock clock;
  /// The allocation that was used last: most accesses go to the same again.
  Allocation recent;

 private:
  struct Barrier {
    std::uint32_t threads = 0, warps = 0;
    std::uint32_t any = 0, all = 1, sum = 0;  ///< of a reduction's predicates
  };

  void run_block(std::uint64_t number);
  void set_constants(std::uint64_t block, bool all);
  void arrive(Warp& warp);
  void complete(Barrier& barrier);
  [[noreturn]] void fail(const Warp& warp, std::uint32_t lane, const std::string& what) const;
  [[noreturn]] void fail_waiting() const;

  const Program* program_;
  LaunchShape shape_;
  std::span<const std::byte> parameters_;
  DeviceMemory* memory_;
  const Settings* settings_;
  Cache* cache_;
  Counts counts_;
  std::vector<std::uint64_t> executed_;
  std::vector<std::byte> shared_;
  std::vector<Shadow> shared_shadow_;
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte[], Free> registers_;
  std::vector<std::uint32_t> predicates_;
  std::vector<Warp> warps_;
  std::array<Barrier, 16> barriers_{};
  std::uint64_t block_ = 0;
  std::uint32_t launch_mark_ = 0;
};

}  // namespace llsa::ptx

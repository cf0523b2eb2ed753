#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "llsa/options.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::compare::recommend {

/// Seconds of attention over one head, from a short calibration on this machine: a query costs `token + key * (keys
/// attended to + scores taken while selecting / 2)`; a score alone is half the work of a key (no value). Fine blocks of
/// another size are gathered at another speed, so that every block size has its own two numbers; dense attention has
/// none for selecting.
struct PassCost {
  double token = 0, key = 0;  ///< seconds
};
struct BlockCost {
  std::int64_t block_size = 0;  ///< 0: dense attention
  PassCost forward = {}, backward = {};
};

class CostModel {
 public:
  explicit CostModel(std::vector<BlockCost> costs) : costs_(std::move(costs)) {}

  /// Of one head. Throws `Error` for a block size that was not calibrated.
  double forward_seconds(const ResolvedOptions& options) const;
  double backward_seconds(const ResolvedOptions& options) const;

 private:
  double seconds(const ResolvedOptions& options, PassCost BlockCost::*pass) const;

  std::vector<BlockCost> costs_;
};

/// Times two numbers of keys for every block size, and dense attention, on seeded random tensors (under a second).
/// Throws `Error` when the backend cannot run.
CostModel calibrate(const std::vector<std::int64_t>& block_sizes, std::int64_t head_dim, const std::string& backend,
                    ThreadPool& threads);

}  // namespace llsa::compare::recommend

#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/attend_backward/key_plan.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// The arrays of the backward passes' workspace.
struct BackwardWorkspace {
  QueryStatistics* d_statistics = nullptr;  ///< [heads, Nq]
  float* d_handed_down[2] = {};             ///< of odd and of even levels, each large enough for the finest such level
  float* d_parts = nullptr;                 ///< of one level at a time
  std::uint8_t* d_mask = nullptr;           ///< of one level at a time; mask-based baseline only
  std::size_t bytes = 0;

  /// At `d_base`, or null: then only `bytes` means something. `masked` is for the mask-based baseline.
  BackwardWorkspace(const Levels& levels, int head_dim, int value_dim, bool masked, void* d_base = nullptr);
};

}  // namespace llsa::cuda::inline LLSA_WORLD

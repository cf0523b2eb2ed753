#pragma once

#include "cuda/levels.hpp"
#include "cuda/stream.hpp"
#include "cuda/world.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// Device memory, 16-byte aligned.
struct SelectParams {
  Levels levels;
  const float* d_query = nullptr;   ///< pyramid of Q in fp32 (see `Levels`)
  const float* d_key = nullptr;     ///< pyramid of K in fp32
  std::int32_t dim = 0;             ///< D, a multiple of 8
  std::int32_t* d_lists = nullptr;  ///< overwritten, see `Levels`
};

/// Hierarchical top-K selection, spec section 3, one launch for each level from the coarsest down. Scores are fp32 sums
/// in ascending dimension, made and used tile by tile: no array of queries x keys exists, and no workspace is needed.
void select(const SelectParams& params, Stream stream);

}  // namespace llsa::cuda::inline LLSA_WORLD

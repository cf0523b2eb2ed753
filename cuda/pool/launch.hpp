#pragma once

#include <cstddef>

#include "cuda/levels.hpp"
#include "cuda/stream.hpp"
#include "cuda/world.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// One tensor to pool. Device memory, 16-byte aligned; `dim` is a multiple of 8 up to 256.
template <class T>
struct PoolTensor {
  const T* d_x = nullptr;  ///< [heads, tokens, dim], contiguous
  std::int32_t dim = 0;
  bool of_queries = false;  ///< which hierarchy of `Levels` it follows
  float* d_mean = nullptr;  ///< pyramid in fp32 (see `Levels`), for the selection; may be null
  T* d_rounded = nullptr;   ///< the same pyramid in the storage type, for attention; may be null
};

/// Hierarchical compression of Q, K and V together, spec section 2. Tensors with `dim == 0` are left out.
template <class T>
struct PoolParams {
  Levels levels;
  PoolTensor<T> tensor[3];
};

/// In bytes; looks at levels and dims only.
template <class T>
std::size_t pool_workspace(const PoolParams<T>& params);

/// Writes every level's means. The fine tokens are read once: a thread block sums a run of them and the levels above it
/// as far as shared memory reaches; where L goes further, the next pass goes on from those sums. Sums are fp32 in a
/// fixed order and no level rounds twice, so the bits depend neither on the position in the batch nor on the run.
template <class T>
void pool(const PoolParams<T>& params, void* d_workspace, std::size_t workspace_bytes, Stream stream);

}  // namespace llsa::cuda::inline LLSA_WORLD

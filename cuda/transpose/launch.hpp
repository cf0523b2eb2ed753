#pragma once

#include <cstddef>

#include "cuda/levels.hpp"
#include "cuda/stream.hpp"
#include "cuda/world.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// Device memory; layouts in `Levels`.
struct TransposeParams {
  Levels levels;
  const std::int32_t* d_lists = nullptr;
  std::int64_t* d_offsets = nullptr;        ///< overwritten
  std::int32_t* d_query_indices = nullptr;  ///< overwritten; entries behind a level's last offset mean nothing
};

/// In bytes; linear in the entries of the longest level.
std::size_t transpose_workspace(const Levels& levels);

/// The transpose of every level's lists, spec section 5: pairs (key token, query token) in query order go through one
/// stable radix sort for all heads, then every key token finds its first pair. Stable, so queries ascend, and nothing
/// depends on the order in which threads run. Throws `Error` when batch x heads x T_1 reaches 2^32.
void transpose(const TransposeParams& params, void* d_workspace, std::size_t workspace_bytes, Stream stream);

}  // namespace llsa::cuda::inline LLSA_WORLD

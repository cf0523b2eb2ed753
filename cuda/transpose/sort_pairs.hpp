#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/stream.hpp"
#include "cuda/world.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// A stable sort of pairs by the low `bits` bits of their keys: CUB's device-wide radix sort, and the standard
/// library's stable sort on the CPU. `count` pairs; input and output must not overlap; the input is kept.
struct SortPairs {
  const std::uint32_t* d_keys = nullptr;
  const std::int32_t* d_values = nullptr;
  std::uint32_t* d_sorted_keys = nullptr;
  std::int32_t* d_sorted_values = nullptr;
  std::int64_t count = 0;
  int bits = 32;
};

std::size_t sort_pairs_workspace(std::int64_t count, int bits);
void sort_pairs(const SortPairs& sort, void* d_workspace, std::size_t workspace_bytes, Stream stream);

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include "cuda/kernel.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// One level.
struct TransposeLevel {
  const std::int32_t* d_lists = nullptr;         ///< [heads, queries, width]
  std::uint32_t* d_keys = nullptr;               ///< [entries]: head * keys + key token, or heads * keys for no entry
  std::int32_t* d_queries = nullptr;             ///< [entries]: query token within its head
  const std::uint32_t* d_sorted_keys = nullptr;  ///< [entries]
  std::int64_t* d_offsets = nullptr;             ///< [heads * keys + 1]
  std::int64_t heads = 0, queries = 0, keys = 0, width = 0;
};

/// A thread for every list entry.
struct EmitPairsKernel {
  static constexpr int threads = 256;
  static constexpr int blocks_per_sm = 0;

  __device__ void operator()(const TransposeLevel& p) const {
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i >= p.heads * p.queries * p.width) return;
    const std::int64_t list = i / p.width, head = list / p.queries;
    const std::int32_t key = p.d_lists[i];
    p.d_keys[i] = static_cast<std::uint32_t>(key < 0 ? p.heads * p.keys : head * p.keys + key);
    p.d_queries[i] = static_cast<std::int32_t>(list % p.queries);
  }
};

/// A thread for every offset: the first pair whose key is not smaller, by bisection.
struct OffsetsKernel {
  static constexpr int threads = 256;
  static constexpr int blocks_per_sm = 0;

  __device__ void operator()(const TransposeLevel& p) const {
    const std::int64_t key = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (key > p.heads * p.keys) return;
    std::int64_t begin = 0, end = p.heads * p.queries * p.width;
    while (begin < end) {
      const std::int64_t middle = (begin + end) / 2;
      if (p.d_sorted_keys[middle] < key)
        begin = middle + 1;
      else
        end = middle;
    }
    p.d_offsets[key] = begin;
  }
};

}  // namespace llsa::cuda::inline LLSA_WORLD

#include <cub/device/device_radix_sort.cuh>

#include "cuda/check.hpp"
#include "cuda/transpose/sort_pairs.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

std::size_t sort_pairs_workspace(std::int64_t count, int bits) {
  std::size_t bytes = 0;
  const std::uint32_t* keys = nullptr;
  const std::int32_t* values = nullptr;
  LLSA_CUDA_CHECK(cub::DeviceRadixSort::SortPairs(nullptr, bytes, keys, static_cast<std::uint32_t*>(nullptr), values,
                                                  static_cast<std::int32_t*>(nullptr), count, 0, bits));
  return bytes;
}

void sort_pairs(const SortPairs& sort, void* d_workspace, std::size_t workspace_bytes, Stream stream) {
  ignore(cudaGetLastError());  // CUB looks for errors of its launches there, and would find the host program's
  LLSA_CUDA_CHECK(cub::DeviceRadixSort::SortPairs(d_workspace, workspace_bytes, sort.d_keys, sort.d_sorted_keys,
                                                  sort.d_values, sort.d_sorted_values, sort.count, 0, sort.bits,
                                                  stream.handle));
}

}  // namespace llsa::cuda::inline LLSA_WORLD

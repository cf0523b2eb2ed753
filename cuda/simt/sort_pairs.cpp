#include "cuda/transpose/sort_pairs.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace llsa::cuda::inline LLSA_WORLD {

std::size_t sort_pairs_workspace(std::int64_t, int) { return 1; }

void sort_pairs(const SortPairs& sort, void*, std::size_t, Stream) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(sort.count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const std::uint32_t mask = sort.bits == 32 ? 0xffffffffu : (1u << sort.bits) - 1;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return (sort.d_keys[a] & mask) < (sort.d_keys[b] & mask); });
  for (std::size_t i = 0; i < order.size(); ++i) {
    sort.d_sorted_keys[i] = sort.d_keys[order[i]];
    sort.d_sorted_values[i] = sort.d_values[order[i]];
  }
}

}  // namespace llsa::cuda::inline LLSA_WORLD

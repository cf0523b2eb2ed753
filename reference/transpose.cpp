#include "reference/transpose.hpp"

#include <numeric>

namespace llsa::reference {

TransposedList transpose(const LevelSelection& lists, std::int64_t head, std::int64_t keys) {
  TransposedList transposed;
  auto& offsets = transposed.offsets;
  offsets.assign(static_cast<std::size_t>(keys) + 1, 0);
  for (std::int64_t t = 0; t < lists.queries; ++t)
    for (const std::int32_t c : lists.list(head, t)) ++offsets[static_cast<std::size_t>(c) + 1];
  std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
  transposed.query_indices.resize(static_cast<std::size_t>(offsets.back()));
  // Query tokens are visited in ascending order, so every key's list comes out ascending.
  std::vector<std::int64_t> next(offsets.begin(), offsets.end() - 1);
  for (std::int64_t t = 0; t < lists.queries; ++t)
    for (const std::int32_t c : lists.list(head, t))
      transposed.query_indices[static_cast<std::size_t>(next[static_cast<std::size_t>(c)]++)] =
          static_cast<std::int32_t>(t);
  return transposed;
}

std::vector<TransposedList> transpose(const LevelSelection& lists, std::int64_t keys, ThreadPool& threads) {
  std::vector<TransposedList> all(static_cast<std::size_t>(lists.heads));
  threads.parallel_for(
      lists.heads, [&](std::int64_t head, int) { all[static_cast<std::size_t>(head)] = transpose(lists, head, keys); });
  return all;
}

}  // namespace llsa::reference

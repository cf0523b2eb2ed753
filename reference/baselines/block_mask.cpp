#include "reference/baselines/block_mask.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>

#include "llsa/error.hpp"

namespace llsa::reference {

BlockMask::BlockMask(const LevelSelection& lists, std::int64_t keys, ThreadPool& threads)
    : keys_(keys), queries_(lists.queries) {
  const auto refuse = [&] {
    throw Error("the dense block mask needs " + std::to_string(lists.heads) + " x " + std::to_string(keys_) + " x " +
                std::to_string(queries_) + " bytes, which cannot be had; method 'llsa' needs none");
  };
  try {
    mask_.resize(static_cast<std::size_t>(lists.heads) * static_cast<std::size_t>(keys_) *
                 static_cast<std::size_t>(queries_));
  } catch (const std::bad_alloc&) {
    refuse();
  } catch (const std::length_error&) {
    refuse();
  }
  threads.parallel_for(lists.heads, [&](std::int64_t head, int) {
    for (std::int64_t t = 0; t < queries_; ++t)
      for (const std::int32_t key : lists.list(head, t))
        mask_[static_cast<std::size_t>((head * keys_ + key) * queries_ + t)] = 1;
  });
}

std::span<const std::uint8_t> BlockMask::row(std::int64_t head, std::int64_t key) const {
  return {mask_.data() + (head * keys_ + key) * queries_, static_cast<std::size_t>(queries_)};
}

std::int64_t BlockMask::count(std::int64_t head, std::int64_t key) const {
  const auto marks = row(head, key);
  return std::count(marks.begin(), marks.end(), std::uint8_t{1});
}

std::span<const std::int32_t> BlockMask::queries(std::int64_t head, std::int64_t key, TokenRange range,
                                                 std::vector<std::int32_t>& scratch) const {
  scratch.clear();
  const auto marks = row(head, key);
  std::int64_t number = 0;
  for (std::size_t t = 0; t < marks.size() && number < range.end; ++t)
    if (marks[t] != 0 && number++ >= range.begin) scratch.push_back(static_cast<std::int32_t>(t));
  return scratch;
}

}  // namespace llsa::reference

#pragma once

#include <cstdint>
#include <vector>

namespace llsa::ptx {

/// A model of an L2 cache: lines of 128 bytes with four sectors of 32, 16 lines a set, the least recently used line
/// leaves. Real caches hash addresses and partition; this one counts what a cache of that size must miss.
class Cache {
 public:
  explicit Cache(std::size_t bytes);
  /// Touches the sector that holds `address`; false when it was not there.
  bool touch(std::uint64_t address);
  void clear();

 private:
  static constexpr std::uint32_t ways = 16;
  struct Line {
    std::uint64_t tag = 0;   ///< line number + 1; 0 is empty
    std::uint32_t used = 0;  ///< time of the last use
    std::uint32_t sectors = 0;
  };
  std::uint64_t sets_;
  std::uint32_t time_ = 0;
  std::vector<Line> lines_;
};

}  // namespace llsa::ptx

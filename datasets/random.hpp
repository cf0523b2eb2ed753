#pragma once

#include <cstdint>

namespace llsa::datasets {

/// The finaliser of SplitMix64: a bijection that spreads every bit.
constexpr std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}
constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) { return mix(a + 0x9e3779b97f4a7c15ull * (mix(b) | 1)); }

/// In [0, 1), from the upper 53 bits.
constexpr double to_unit(std::uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

/// A sequence of numbers that is a function of its key.
class Random {
 public:
  explicit Random(std::uint64_t key) : key_(key) {}
  std::uint64_t bits() { return mix(key_ += 0x9e3779b97f4a7c15ull); }
  double unit() { return to_unit(bits()); }
  double range(double low, double high) { return low + (high - low) * unit(); }
  bool flip() { return (bits() >> 63) != 0; }

 private:
  std::uint64_t key_;
};

}  // namespace llsa::datasets

#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "llsa/dtype.hpp"

namespace llsa::testing {

/// What outputs and the gaps of strided buffers are filled with before a run: a NaN with a bit pattern that no
/// arithmetic produces, so that an element nobody wrote is found, and a gap that somebody read spoils the result.
template <class T>
T poison();
template <>
inline float poison<float>() {
  return std::bit_cast<float>(std::uint32_t{0x7fc0dead});
}
template <>
inline double poison<double>() {
  return std::bit_cast<double>(std::uint64_t{0x7ff8dead0000beef});
}
template <>
inline half poison<half>() {
  half h;
  h.bits = 0x7ead;
  return h;
}
template <>
inline bfloat16 poison<bfloat16>() {
  bfloat16 b;
  b.bits = 0x7fed;
  return b;
}

/// Equality of representations: NaN equals the same NaN, 0 differs from -0.
template <class T>
bool same_bits(const T& x, const T& y) {
  return std::memcmp(&x, &y, sizeof(T)) == 0;
}

}  // namespace llsa::testing

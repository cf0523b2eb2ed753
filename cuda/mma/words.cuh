#pragma once

#include "cuda/kernel.cuh"

// Two values of a two-byte storage type in one 32-bit word, the first in the low half: what tensor cores take.
namespace llsa::cuda::inline LLSA_WORLD {

/// Rounds to nearest even.
template <class T>
__device__ inline std::uint32_t pack(float low, float high) {
#if defined(LLSA_SIMT)
  return static_cast<std::uint32_t>(T(low).bits) | static_cast<std::uint32_t>(T(high).bits) << 16;
#else
  std::uint32_t word;
  if constexpr (std::is_same_v<T, half>) {
    const __half2 both = __floats2half2_rn(low, high);
    memcpy(&word, &both, sizeof word);
  } else {
    const __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
    memcpy(&word, &both, sizeof word);
  }
  return word;
#endif
}

/// Value number `which` (0 low, 1 high).
template <class T>
__device__ inline float unpack(std::uint32_t word, int which) {
  T value;
  value.bits = static_cast<std::uint16_t>(word >> (16 * which));
  return to_float(value);
}

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include "cuda/kernel.cuh"

#if defined(LLSA_SIMT)
#include <cmath>
#endif

namespace llsa::cuda::inline LLSA_WORLD {

/// 2^x in one instruction (PTX ISA, `ex2.approx.ftz`): two units in the last place, and zero for what lies below the
/// smallest normal number.
__device__ __forceinline__ float exp2_approx(float x) {
#if defined(LLSA_SIMT)
  const float result = std::exp2(x);
  return result < 1.17549435e-38f ? 0.0f : result;  // NaN stays
#else
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#endif
}

}  // namespace llsa::cuda::inline LLSA_WORLD

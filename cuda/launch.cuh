#pragma once

// How a kernel is launched, once for both worlds. A kernel is a class with a call operator:
//
//   template <class T>
//   struct ScaleKernel {
//     static constexpr int threads = 128;      // the largest block; the device compiler plans registers for it
//     static constexpr int blocks_per_sm = 4;  // the least number of such blocks an SM should hold; 0 leaves it open
//     __device__ void operator()(const ScaleParams& p) const { ... }
//   };
//
//   launch<ScaleKernel<float>>("scale", {.blocks = {grid_size(n)}, .threads = {128}, .shared_bytes = 0}, stream,
//   params);

#include <cstddef>
#include <cstdint>
#include <string>

#include "cuda/kernel.cuh"
#include "cuda/stream.hpp"
#include "llsa/error.hpp"

#if !defined(LLSA_SIMT)
#include <nvtx3/nvToolsExt.h>

#include "cuda/check.hpp"
#endif

namespace llsa::cuda::inline LLSA_WORLD {

struct LaunchShape {
  dim3 blocks, threads;
  std::size_t shared_bytes = 0;  ///< dynamic shared memory of a block
};

/// The x extent for `blocks` blocks. Put batch x heads here, not in y or z, which end at 65,535.
inline unsigned grid_size(std::int64_t blocks) {
  if (blocks < 0 || blocks > 2147483647)
    throw Error("the problem needs " + std::to_string(blocks) + " thread blocks in one launch; at most 2147483647 fit");
  return static_cast<unsigned>(blocks);
}

#if defined(LLSA_SIMT)

template <class Kernel, class Params>
void launch(const char* name, const LaunchShape& shape, Stream stream, const Params& params) {
  if (shape.blocks.size() == 0) return;
  if (shape.threads.size() > static_cast<unsigned>(Kernel::threads))
    throw Error("kernel " + std::string(name) + ": launched with more threads than it declares");
  simt::run(
      stream.execution, {name, shape.blocks, shape.threads, shape.shared_bytes},
      [](const void* p) { Kernel{}(*static_cast<const Params*>(p)); }, &params);
}

#else

template <class Kernel, class Params>
__global__ void __launch_bounds__(Kernel::threads, Kernel::blocks_per_sm)
    kernel_entry(const __grid_constant__ Params params) {
  Kernel{}(params);
}

template <class Kernel, class Params>
void launch(const char* name, const LaunchShape& shape, Stream stream, const Params& params) {
  static_assert(sizeof(Params) <= 32764, "kernel parameters exceed what devices since compute capability 7.0 take");
  if (shape.blocks.x == 0 || shape.blocks.y == 0 || shape.blocks.z == 0) return;
  struct Range {
    explicit Range(const char* text) { nvtxRangePushA(text); }
    ~Range() { nvtxRangePop(); }
  } const range(name);
  constexpr std::size_t without_asking = 48 * 1024;
  if (shape.shared_bytes > without_asking)
    LLSA_CUDA_CHECK(cudaFuncSetAttribute(kernel_entry<Kernel, Params>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                         static_cast<int>(shape.shared_bytes)));
  // clang-format off: it takes the launch for template brackets
  kernel_entry<Kernel, Params><<<shape.blocks, shape.threads, shape.shared_bytes, stream.handle>>>(params);
  // clang-format on
  LLSA_CUDA_CHECK(cudaGetLastError());
}

#endif

}  // namespace llsa::cuda::inline LLSA_WORLD

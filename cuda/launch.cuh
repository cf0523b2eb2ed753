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

#include "cuda/device.hpp"
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

/// Throws `Error` when a block of a kernel needs more shared memory than the device lends.
inline void check_shared_memory(const char* name, std::size_t bytes, Stream stream) {
  const std::size_t limit = shared_memory_limit(stream);
  if (bytes > limit)
    throw Error("kernel " + std::string(name) + " needs " + std::to_string(bytes) +
                " bytes of shared memory for a block; this device has " + std::to_string(limit));
}

#if defined(LLSA_SIMT)

template <class Kernel, class Params>
void launch(const char* name, const LaunchShape& shape, Stream stream, const Params& params) {
  if (shape.blocks.size() == 0) return;
  if (shape.threads.size() > static_cast<unsigned>(Kernel::threads))
    throw Error("kernel " + std::string(name) + ": launched with more threads than it declares");
  check_shared_memory(name, shape.shared_bytes, stream);
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
  if (shape.shared_bytes > without_asking) {
    check_shared_memory(name, shape.shared_bytes, stream);
    LLSA_CUDA_CHECK(cudaFuncSetAttribute(kernel_entry<Kernel, Params>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                         static_cast<int>(shape.shared_bytes)));
  }
  // The call's own status: `cudaGetLastError` might return what the host program did before.
  void* arguments[] = {const_cast<Params*>(&params)};
  LLSA_CUDA_CHECK(cudaLaunchKernel(reinterpret_cast<const void*>(&kernel_entry<Kernel, Params>), shape.blocks,
                                   shape.threads, arguments, shape.shared_bytes, stream.handle));
}

#endif

}  // namespace llsa::cuda::inline LLSA_WORLD

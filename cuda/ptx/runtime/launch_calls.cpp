#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "cuda/ptx/runtime/kernels.hpp"
#include "cuda/ptx/runtime/status.hpp"
#include "cuda/ptx/runtime/stream.hpp"
#include "llsa/error.hpp"

// What nvcc's host code calls to register and to launch kernels, and what host programs ask about them.
namespace llsa::ptx {
namespace {

struct Configuration {
  dim3 blocks, threads;
  std::size_t shared = 0;
  cudaStream_t stream = nullptr;
};
thread_local std::vector<Configuration> configurations;

Extent extent(dim3 d) { return {d.x, d.y, d.z}; }

bool valid(Kernel& kernel, dim3 blocks, dim3 threads, std::size_t shared) {
  const Program& program = kernel.program();
  const std::uint64_t size = extent(threads).size();
  return size > 0 && size <= program.max_threads && threads.x <= 1024 && threads.y <= 1024 && threads.z <= 64 &&
         extent(blocks).size() > 0 && blocks.x <= 2147483647u && blocks.y <= 65535 && blocks.z <= 65535 &&
         shared <= kernel.dynamic_shared_limit &&
         program.dynamic_shared_offset + shared <= settings().device.shared_per_block;
}

cudaError_t launch(Kernel* kernel, dim3 blocks, dim3 threads, void** arguments, std::size_t shared,
                   cudaStream_t stream) {
  if (!kernel) return kept(cudaErrorInvalidDeviceFunction);
  try {
    if (!valid(*kernel, blocks, threads, shared)) return kept(cudaErrorInvalidConfiguration);
    // A captured launch keeps its own arguments.
    const Program& program = kernel->program();
    std::vector<std::vector<std::byte>> values;
    for (std::size_t p = 0; p < program.parameters.size(); ++p) {
      const auto* from = static_cast<const std::byte*>(arguments[p]);
      values.emplace_back(from, from + program.parameters[p].second);
    }
    const LaunchShape shape{extent(blocks), extent(threads), static_cast<std::uint32_t>(shared)};
    return queue(stream, [kernel, shape, values] {
      std::vector<void*> pointers;
      for (const auto& value : values) pointers.push_back(const_cast<std::byte*>(value.data()));
      try {
        Runtime::instance().launch(*kernel, shape, pointers.data());
      } catch (const Error& error) {
        return kept_report(error.what());
      }
      return cudaSuccess;
    });
  } catch (const Error& error) {
    return kept_report(error.what());
  }
}

}  // namespace
}  // namespace llsa::ptx

using llsa::ptx::kept;
using llsa::ptx::Kernel;
using llsa::ptx::Runtime;
using llsa::ptx::settings;

extern "C" {

void** CUDARTAPI __cudaRegisterFatBinary(void* wrapper) { return Runtime::instance().register_binary(wrapper); }
void CUDARTAPI __cudaRegisterFatBinaryEnd(void**) {}
void CUDARTAPI __cudaUnregisterFatBinary(void**) {}
void CUDARTAPI __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}
void CUDARTAPI __cudaRegisterFunction(void** binary, const char* host_function, char*, const char* name, int, uint3*,
                                      uint3*, dim3*, dim3*, int*) {
  Runtime::instance().register_kernel(binary, host_function, name);
}
char CUDARTAPI __cudaInitModule(void**) { return 1; }

unsigned CUDARTAPI __cudaPushCallConfiguration(dim3 blocks, dim3 threads, size_t shared, CUstream_st* stream) {
  llsa::ptx::configurations.push_back({blocks, threads, shared, stream});
  return 0;
}
cudaError_t CUDARTAPI __cudaPopCallConfiguration(dim3* blocks, dim3* threads, size_t* shared, void* stream) {
  if (llsa::ptx::configurations.empty()) return kept(cudaErrorIllegalState);
  const llsa::ptx::Configuration top = llsa::ptx::configurations.back();
  llsa::ptx::configurations.pop_back();
  *blocks = top.blocks, *threads = top.threads, *shared = top.shared;
  *static_cast<cudaStream_t*>(stream) = top.stream;
  return cudaSuccess;
}
cudaError_t CUDARTAPI __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  *kernel = reinterpret_cast<cudaKernel_t>(Runtime::instance().find(function));
  return *kernel ? cudaSuccess : kept(cudaErrorInvalidDeviceFunction);
}
cudaError_t CUDARTAPI __cudaLaunchKernel(cudaKernel_t kernel, dim3 blocks, dim3 threads, void** arguments,
                                         size_t shared, cudaStream_t stream) {
  return llsa::ptx::launch(reinterpret_cast<Kernel*>(kernel), blocks, threads, arguments, shared, stream);
}
cudaError_t CUDARTAPI cudaLaunchKernel(const void* function, dim3 blocks, dim3 threads, void** arguments, size_t shared,
                                       cudaStream_t stream) {
  return llsa::ptx::launch(Runtime::instance().find(function), blocks, threads, arguments, shared, stream);
}
/// Without attributes (clusters and the like) only.
cudaError_t CUDARTAPI cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* function, void** arguments) {
  if (config->numAttrs != 0) return kept(cudaErrorNotSupported);
  return cudaLaunchKernel(function, config->gridDim, config->blockDim, arguments, config->dynamicSmemBytes,
                          config->stream);
}

cudaError_t CUDARTAPI cudaFuncSetAttribute(const void* function, cudaFuncAttribute which, int value) {
  Kernel* kernel = Runtime::instance().find(function);
  if (!kernel) return kept(cudaErrorInvalidDeviceFunction);
  if (which == cudaFuncAttributePreferredSharedMemoryCarveout) return cudaSuccess;
  if (which != cudaFuncAttributeMaxDynamicSharedMemorySize) return kept(cudaErrorNotSupported);
  try {
    const auto bytes = static_cast<std::uint32_t>(value);
    if (value < 0 || kernel->program().static_shared_bytes + bytes > settings().device.shared_per_block)
      return kept(cudaErrorInvalidValue);
    kernel->dynamic_shared_limit = bytes;
    return cudaSuccess;
  } catch (const llsa::Error& error) {
    return llsa::ptx::kept_report(error.what());
  }
}

cudaError_t CUDARTAPI cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  Kernel* kernel = Runtime::instance().find(function);
  if (!kernel) return kept(cudaErrorInvalidDeviceFunction);
  try {
    std::memset(attributes, 0, sizeof *attributes);
    attributes->sharedSizeBytes = kernel->program().static_shared_bytes;
    attributes->maxThreadsPerBlock = static_cast<int>(kernel->program().max_threads);
    attributes->ptxVersion = attributes->binaryVersion = kernel->target();
    attributes->maxDynamicSharedSizeBytes = static_cast<int>(kernel->dynamic_shared_limit);
    return cudaSuccess;
  } catch (const llsa::Error& error) {
    return llsa::ptx::kept_report(error.what());
  }
}

/// By threads and shared memory; registers are not known from PTX.
cudaError_t CUDARTAPI cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* function,
                                                                             int threads, size_t shared, unsigned) {
  Kernel* kernel = Runtime::instance().find(function);
  if (!kernel || threads <= 0) return kept(cudaErrorInvalidValue);
  try {
    int by_threads = 0, most = 0;
    cudaDeviceGetAttribute(&by_threads, cudaDevAttrMaxThreadsPerMultiProcessor, 0);
    cudaDeviceGetAttribute(&most, cudaDevAttrMaxBlocksPerMultiprocessor, 0);
    const std::size_t each = kernel->program().dynamic_shared_offset + shared + 1024;
    *blocks =
        std::min({by_threads / threads, most, static_cast<int>(settings().device.shared_per_multiprocessor / each)});
    return cudaSuccess;
  } catch (const llsa::Error& error) {
    return llsa::ptx::kept_report(error.what());
  }
}
cudaError_t CUDARTAPI cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function, int threads,
                                                                    size_t shared) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(blocks, function, threads, shared, 0);
}
}

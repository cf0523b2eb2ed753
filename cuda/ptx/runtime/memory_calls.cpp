#include <cuda_runtime_api.h>

#include <cstring>

#include "cuda/ptx/runtime/kernels.hpp"
#include "cuda/ptx/runtime/status.hpp"
#include "cuda/ptx/runtime/stream.hpp"

namespace llsa::ptx {
namespace {

DeviceMemory& memory() { return Runtime::instance().memory(); }
std::uint64_t number(const void* address) { return reinterpret_cast<std::uint64_t>(address); }

/// The side that must be device memory lies in one allocation, the other one in none.
bool sides(const void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const auto right = [&](const void* address, bool device) {
    return device ? memory().covers(number(address), bytes) : memory().find(number(address)) == nullptr;
  };
  return right(to, to_device) && right(from, from_device);
}

cudaError_t copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  if (kind == cudaMemcpyDefault) {
    const bool from_device = memory().find(number(from)), to_device = memory().find(number(to));
    kind = from_device ? (to_device ? cudaMemcpyDeviceToDevice : cudaMemcpyDeviceToHost)
                       : (to_device ? cudaMemcpyHostToDevice : cudaMemcpyHostToHost);
  }
  if (!sides(to, from, bytes, kind)) return kept(cudaErrorInvalidValue);
  return queue(stream, [=] {
    std::memmove(to, from, bytes);
    if (kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice) memory().written_by_host(number(to), bytes);
    return cudaSuccess;
  });
}

}  // namespace
}  // namespace llsa::ptx

using llsa::ptx::kept;
using llsa::ptx::memory;
using llsa::ptx::number;

extern "C" {

cudaError_t CUDARTAPI cudaMalloc(void** address, size_t bytes) {
  *address = nullptr;
  if (bytes == 0) return cudaSuccess;
  const std::uint64_t found = memory().allocate(bytes);
  if (!found) return kept(cudaErrorMemoryAllocation);
  *address = reinterpret_cast<void*>(found);
  return cudaSuccess;
}
cudaError_t CUDARTAPI cudaFree(void* address) {
  if (!address) return cudaSuccess;
  return memory().release(number(address)) ? cudaSuccess : kept(cudaErrorInvalidValue);
}
cudaError_t CUDARTAPI cudaMallocAsync(void** address, size_t bytes, cudaStream_t) { return cudaMalloc(address, bytes); }
cudaError_t CUDARTAPI cudaFreeAsync(void* address, cudaStream_t) { return cudaFree(address); }

cudaError_t CUDARTAPI cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                                      cudaStream_t stream) {
  return llsa::ptx::copy(to, from, bytes, kind, stream);
}
cudaError_t CUDARTAPI cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return llsa::ptx::copy(to, from, bytes, kind, nullptr);
}
cudaError_t CUDARTAPI cudaMemsetAsync(void* to, int byte, size_t bytes, cudaStream_t stream) {
  if (!memory().covers(number(to), bytes)) return kept(cudaErrorInvalidValue);
  return llsa::ptx::queue(stream, [=] {
    std::memset(to, byte, bytes);
    memory().written_by_host(number(to), bytes);
    return cudaSuccess;
  });
}
cudaError_t CUDARTAPI cudaMemset(void* to, int byte, size_t bytes) { return cudaMemsetAsync(to, byte, bytes, nullptr); }
cudaError_t CUDARTAPI cudaMemGetInfo(size_t* free, size_t* total) {
  *total = llsa::ptx::DeviceMemory::capacity;
  *free = *total - memory().used();
  return cudaSuccess;
}
cudaError_t CUDARTAPI cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* address) {
  *attributes = {};
  const bool device = memory().find(number(address)) != nullptr;
  attributes->type = device ? cudaMemoryTypeDevice : cudaMemoryTypeUnregistered;
  attributes->device = device ? 0 : -2;
  attributes->devicePointer = device ? const_cast<void*>(address) : nullptr;
  attributes->hostPointer = nullptr;
  return cudaSuccess;
}
}

#include <cuda_runtime.h>

#include <string>

#include "cuda/check.hpp"
#include "cuda/device.hpp"
#include "llsa/error.hpp"

namespace llsa::cuda::inline LLSA_WORLD {
namespace {

std::string version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

}  // namespace

std::optional<std::string> why_unavailable() {
  int driver = 0, runtime = 0, count = 0;
  LLSA_CUDA_CHECK(cudaRuntimeGetVersion(&runtime));
  ignore(cudaDriverGetVersion(&driver));
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess) ignore(cudaGetLastError());  // told below
  if (driver == 0) return "cuda needs an NVIDIA driver for CUDA " + version(runtime) + "; none is installed";
  if (status == cudaErrorInsufficientDriver)
    return "cuda needs a driver for CUDA " + version(runtime) + "; this one is for " + version(driver);
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0))
    return "cuda needs an NVIDIA GPU; there is none";
  if (status != cudaSuccess) return "cuda cannot use the GPU: " + std::string(cudaGetErrorString(status));
  const DeviceInfo info = device_info();
  if (info.compute_major < 8)
    return "cuda needs compute capability 8.0 or later; " + info.name + " has " + std::to_string(info.compute_major) +
           "." + std::to_string(info.compute_minor);
  return std::nullopt;
}

void require_device() {
  if (const auto why = why_unavailable()) throw Error(*why);
}

std::size_t shared_memory_limit(Stream) {
  int bytes = 0;
  LLSA_CUDA_CHECK(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, current_device()));
  return static_cast<std::size_t>(bytes);
}

int current_device() {
  int device = 0;
  LLSA_CUDA_CHECK(cudaGetDevice(&device));
  return device;
}

DeviceInfo device_info() {
  cudaDeviceProp properties;
  LLSA_CUDA_CHECK(cudaGetDeviceProperties(&properties, current_device()));
  DeviceInfo info;
  info.name = properties.name;
  info.compute_major = properties.major;
  info.compute_minor = properties.minor;
  info.multiprocessors = properties.multiProcessorCount;
  info.memory_bytes = static_cast<double>(properties.totalGlobalMem);
  LLSA_CUDA_CHECK(cudaDriverGetVersion(&info.driver_version));
  LLSA_CUDA_CHECK(cudaRuntimeGetVersion(&info.runtime_version));
  return info;
}

void check_on_device(const char* what, std::span<const NamedPointer> pointers) {
  const int device = current_device();
  for (const auto& [name, address, required] : pointers) {
    if (!address) continue;
    cudaPointerAttributes attributes;
    LLSA_CUDA_CHECK(cudaPointerGetAttributes(&attributes, address));
    const std::string subject = std::string(what) + ": " + name;
    if (attributes.type != cudaMemoryTypeDevice && attributes.type != cudaMemoryTypeManaged)
      throw Error(subject + " points to host memory; it must be device memory");
    if (attributes.device != device)
      throw Error(subject + " is on device " + std::to_string(attributes.device) + "; the current device is " +
                  std::to_string(device));
  }
}

}  // namespace llsa::cuda::inline LLSA_WORLD

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>

#include "cuda/ptx/runtime/kernels.hpp"
#include "cuda/ptx/runtime/status.hpp"

using llsa::ptx::kept;
using llsa::ptx::settings;

namespace {

cudaError_t attribute(int* value, cudaDeviceAttr which) {
  const llsa::ptx::Device& device = settings().device;
  switch (which) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = 1024;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = device.minor ? 1536 : 2048;
      break;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
      *value = device.minor ? 24 : 32;
      break;
    case cudaDevAttrWarpSize:
      *value = 32;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = device.multiprocessors;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = device.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = device.minor;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = 48 * 1024;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(device.shared_per_block);
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = static_cast<int>(device.shared_per_multiprocessor);
      break;
    case cudaDevAttrReservedSharedMemoryPerBlock:
      *value = 1024;
      break;
    case cudaDevAttrL2CacheSize:
      *value = static_cast<int>(device.l2_bytes);
      break;
    case cudaDevAttrMaxRegistersPerBlock:
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      *value = 65536;
      break;
    case cudaDevAttrMaxGridDimX:
      *value = 2147483647;
      break;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      *value = 65535;
      break;
    default:
      return kept(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t CUDARTAPI cudaRuntimeGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }
cudaError_t CUDARTAPI cudaDriverGetVersion(int* version) { return *version = CUDART_VERSION, cudaSuccess; }
cudaError_t CUDARTAPI cudaGetDeviceCount(int* count) { return *count = 1, cudaSuccess; }
cudaError_t CUDARTAPI cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
cudaError_t CUDARTAPI cudaSetDevice(int device) { return device == 0 ? cudaSuccess : kept(cudaErrorInvalidDevice); }
cudaError_t CUDARTAPI cudaDeviceGetAttribute(int* value, cudaDeviceAttr which, int device) {
  return device == 0 ? attribute(value, which) : kept(cudaErrorInvalidDevice);
}

cudaError_t CUDARTAPI cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return kept(cudaErrorInvalidDevice);
  const llsa::ptx::Device& from = settings().device;
  std::memset(properties, 0, sizeof *properties);
  std::strncpy(properties->name, from.name.c_str(), sizeof properties->name - 1);
  properties->totalGlobalMem = llsa::ptx::DeviceMemory::capacity;
  properties->major = from.major, properties->minor = from.minor;
  properties->multiProcessorCount = from.multiprocessors;
  properties->warpSize = 32;
  properties->sharedMemPerBlock = 48 * 1024;
  properties->sharedMemPerBlockOptin = from.shared_per_block;
  properties->sharedMemPerMultiprocessor = from.shared_per_multiprocessor;
  properties->reservedSharedMemPerBlock = 1024;
  properties->l2CacheSize = static_cast<int>(from.l2_bytes);
  properties->regsPerBlock = properties->regsPerMultiprocessor = 65536;
  properties->maxThreadsPerBlock = 1024;
  attribute(&properties->maxThreadsPerMultiProcessor, cudaDevAttrMaxThreadsPerMultiProcessor);
  attribute(&properties->maxBlocksPerMultiProcessor, cudaDevAttrMaxBlocksPerMultiprocessor);
  properties->maxThreadsDim[0] = properties->maxThreadsDim[1] = 1024, properties->maxThreadsDim[2] = 64;
  properties->maxGridSize[0] = 2147483647, properties->maxGridSize[1] = properties->maxGridSize[2] = 65535;
  return cudaSuccess;
}
}

#include <cuda_runtime.h>

#include <string>
#include <utility>

#include "cuda/check.hpp"
#include "cuda/memory.hpp"
#include "llsa/error.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

void check(cudaError_t status, const char* call, const char* file, int line) {
  if (status == cudaSuccess) return;
  ignore(cudaGetLastError());  // told here; the host program shall not find it once more
  const std::string path = file;
  throw Error("CUDA: " + std::string(cudaGetErrorName(status)) + " (" + cudaGetErrorString(status) + ") from " + call +
              " at " + path.substr(path.find_last_of('/') + 1) + ":" + std::to_string(line));
}

void* allocate_device(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* address = nullptr;
  const cudaError_t status = cudaMalloc(&address, bytes);
  if (status == cudaErrorMemoryAllocation) {
    ignore(cudaGetLastError());
    throw Error("out of device memory: " + std::to_string(bytes) + " bytes asked for");
  }
  LLSA_CUDA_CHECK(status);
  return address;
}

void release_device(void* address) noexcept { ignore(cudaFree(address)); }

void copy_to_device(void* d_to, const void* from, std::size_t bytes, Stream stream) {
  if (bytes > 0) LLSA_CUDA_CHECK(cudaMemcpyAsync(d_to, from, bytes, cudaMemcpyHostToDevice, stream.handle));
}
void copy_to_host(void* to, const void* d_from, std::size_t bytes, Stream stream) {
  if (bytes > 0) LLSA_CUDA_CHECK(cudaMemcpyAsync(to, d_from, bytes, cudaMemcpyDeviceToHost, stream.handle));
}
void copy_on_device(void* d_to, const void* d_from, std::size_t bytes, Stream stream) {
  if (bytes > 0) LLSA_CUDA_CHECK(cudaMemcpyAsync(d_to, d_from, bytes, cudaMemcpyDeviceToDevice, stream.handle));
}
void fill_device(void* d_to, unsigned char byte, std::size_t bytes, Stream stream) {
  if (bytes > 0) LLSA_CUDA_CHECK(cudaMemsetAsync(d_to, byte, bytes, stream.handle));
}

void synchronize(Stream stream) { LLSA_CUDA_CHECK(cudaStreamSynchronize(stream.handle)); }

OwnedStream::OwnedStream(Stream) { LLSA_CUDA_CHECK(cudaStreamCreateWithFlags(&stream_.handle, cudaStreamNonBlocking)); }
OwnedStream::~OwnedStream() {
  if (stream_.handle) ignore(cudaStreamDestroy(stream_.handle));
}
OwnedStream::OwnedStream(OwnedStream&& other) noexcept : stream_{std::exchange(other.stream_.handle, nullptr)} {}
OwnedStream& OwnedStream::operator=(OwnedStream&& other) noexcept {
  std::swap(stream_.handle, other.stream_.handle);
  return *this;
}

}  // namespace llsa::cuda::inline LLSA_WORLD

#include <cuda_runtime.h>

#include "cuda/check.hpp"
#include "cuda/timer.hpp"

namespace llsa::cuda::inline LLSA_WORLD {
namespace {

cudaEvent_t event(void* handle) { return static_cast<cudaEvent_t>(handle); }

void* make_event() {
  cudaEvent_t made = nullptr;
  LLSA_CUDA_CHECK(cudaEventCreate(&made));
  return made;
}

}  // namespace

Timer::Timer(Stream stream) : stream_(stream), begin_(make_event()), end_(make_event()) {}

Timer::~Timer() {
  ignore(cudaEventDestroy(event(begin_)));
  ignore(cudaEventDestroy(event(end_)));
}

void Timer::start() { LLSA_CUDA_CHECK(cudaEventRecord(event(begin_), stream_.handle)); }

double Timer::stop() {
  LLSA_CUDA_CHECK(cudaEventRecord(event(end_), stream_.handle));
  LLSA_CUDA_CHECK(cudaEventSynchronize(event(end_)));
  float milliseconds = 0;
  LLSA_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, event(begin_), event(end_)));
  return milliseconds * 1e-3;
}

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include <cuda_runtime_api.h>

// Throws llsa::Error with the call, its place and what CUDA says unless a runtime call succeeds.
#define LLSA_CUDA_CHECK(call) ::llsa::cuda::on_gpu::check((call), #call, __FILE__, __LINE__)

namespace llsa::cuda::inline on_gpu {

void check(cudaError_t status, const char* call, const char* file, int line);
/// For destructors: prints nothing, throws nothing; CUDA's own sticky error reports the cause at the next check.
inline void ignore(cudaError_t) noexcept {}

}  // namespace llsa::cuda::inline on_gpu

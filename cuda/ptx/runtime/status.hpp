#pragma once

#include <cuda_runtime_api.h>

#include <string>

namespace llsa::ptx {

/// Keeps the error for cudaGetLastError, as every call of the runtime does, and returns it.
cudaError_t kept(cudaError_t status);
/// Keeps what the interpreter said; cudaGetErrorString(cudaErrorLaunchFailure) is that text.
cudaError_t kept_report(const std::string& report);
/// What the interpreter said last, or nothing.
const std::string& last_report();

}  // namespace llsa::ptx

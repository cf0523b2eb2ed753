#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <memory>
#include <vector>

/// A stream of the stand-in. Work is done when it is queued; only a capture keeps it.
struct CUstream_st {
  bool capturing = false;
  std::vector<std::function<cudaError_t()>> captured;
};

namespace llsa::ptx {

/// Whether a handle is the default stream or one that was made and not destroyed.
bool is_stream(cudaStream_t stream);
bool any_capturing();
/// Does the work, or keeps it where the stream is capturing.
cudaError_t queue(cudaStream_t stream, std::function<cudaError_t()> work);

}  // namespace llsa::ptx

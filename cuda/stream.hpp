#pragma once

#include "cuda/world.hpp"

#if defined(LLSA_SIMT)
#include "cuda/simt/executor.hpp"
#else
struct CUstream_st;
#endif

namespace llsa::cuda::inline LLSA_WORLD {

/// Where work is queued: a caller's CUDA stream (`cudaStream_t`, not owned; the default is the default stream). On the
/// CPU it is the way the executor runs, and work is done when a call returns.
#if defined(LLSA_SIMT)
struct Stream {
  simt::Execution execution;
};
#else
struct Stream {
  CUstream_st* handle = nullptr;
};
#endif

/// Waits until everything queued is done. Throws `Error` when any of it failed.
void synchronize(Stream stream);

/// A stream of its own on the current device.
class OwnedStream {
 public:
  explicit OwnedStream(Stream like = {});
  ~OwnedStream();
  OwnedStream(OwnedStream&& other) noexcept;
  OwnedStream& operator=(OwnedStream&& other) noexcept;

  Stream get() const { return stream_; }

 private:
  Stream stream_;
};

}  // namespace llsa::cuda::inline LLSA_WORLD

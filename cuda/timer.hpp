#pragma once

#include "cuda/stream.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// Time between two points of a stream: CUDA events on the device, a clock on the CPU.
class Timer {
 public:
  explicit Timer(Stream stream);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void start();
  /// Seconds since `start`; waits for the stream.
  double stop();

 private:
  Stream stream_;
  void* begin_ = nullptr;
  void* end_ = nullptr;
};

}  // namespace llsa::cuda::inline LLSA_WORLD

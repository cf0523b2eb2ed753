#pragma once

#include <memory>
#include <optional>
#include <string>

#include "llsa/attention.hpp"

namespace llsa::cuda {

// The CUDA implementation behind the common interface, on views of host memory: inputs are copied to the device, the
// stages run there (see device_attention.hpp for tensors that already are there), results are copied back. T is float,
// half or bfloat16; head dimensions up to 256, those that are not multiples of 8 are filled up with zeros. Sums are
// fp32.

/// On the current CUDA device, named "cuda". Throws `Error` saying why when nothing can run there.
/// Only in builds with a CUDA compiler (library llsa::cuda).
template <class T>
std::unique_ptr<Attention<T>> make_attention();

/// The same kernels on the CPU executor, named "cuda-on-cpu"; for tests, at small sizes. `os_threads` of the operating
/// system share the blocks. Only in builds with Boost.Context (library llsa::cuda_on_cpu).
template <class T>
std::unique_ptr<Attention<T>> make_attention_on_cpu(int os_threads = 1);

}  // namespace llsa::cuda

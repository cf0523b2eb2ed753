#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "llsa/attention.hpp"
#include "reference/thread_pool.hpp"

namespace llsa {

/// The implementations that this build has, by the names programs take: "reference"; with a CUDA compiler "cuda"; with
/// Boost.Context "cuda-on-cpu", the same kernels on the CPU, a test instrument.
std::vector<std::string> backend_names();

/// One implementation by name. `threads` is used by those that run on the CPU and must outlive the result.
/// Throws `Error` that lists `backend_names()` for an unknown name, or says why the backend cannot run here.
template <class T>
std::unique_ptr<Attention<T>> make_attention(std::string_view name, reference::ThreadPool& threads);

}  // namespace llsa

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "llsa/attention.hpp"
#include "llsa/method.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa {

/// The implementations that this build has, by the names programs take: "reference"; with a CUDA compiler "cuda"; with
/// Boost.Context "cuda-on-cpu", the same kernels on the CPU, a test instrument.
std::vector<std::string> backend_names();

/// One implementation by name. `threads` is used by those that run on the CPU and must outlive the result.
/// Throws `Error` that lists `backend_names()` for an unknown name, or says why the backend cannot run here.
template <class T>
std::unique_ptr<Attention<T>> make_attention(std::string_view name, ThreadPool& threads);

/// A method of `method.hpp` on a backend: applies `method_options` itself, and takes `method_extras` as extras. "llsa"
/// is the backend as it is. The branches that "vsa" and "sla" add to attention are combined on the CPU. Throws `Error`
/// as above, for an unknown method, and for "llsa+mask-backward" on a backend other than "reference".
template <class T>
std::unique_ptr<Attention<T>> make_attention(std::string_view method, std::string_view backend, ThreadPool& threads);

}  // namespace llsa

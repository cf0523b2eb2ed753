#pragma once

#include <memory>

#include "cuda/stream.hpp"
#include "llsa/attention.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// `Attention` on host views in this world; `name` as programs take it. On a device it makes a stream of its own.
template <class T>
std::unique_ptr<Attention<T>> make_host_attention(std::string name, Stream stream);

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include <cstddef>

#include "cuda/stream.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

// Device memory. On the CPU, host memory aligned like the device's (256 bytes).

/// At least 256-byte aligned; null for zero bytes. Throws `Error` with the size when there is not enough.
void* allocate_device(std::size_t bytes);
void release_device(void* address) noexcept;

// Queued on `stream`. Host memory must stay valid until the stream is synchronised.
void copy_to_device(void* d_to, const void* from, std::size_t bytes, Stream stream);
void copy_to_host(void* to, const void* d_from, std::size_t bytes, Stream stream);
void copy_on_device(void* d_to, const void* d_from, std::size_t bytes, Stream stream);
void fill_device(void* d_to, unsigned char byte, std::size_t bytes, Stream stream);

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "cuda/stream.hpp"
#include "cuda/world.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// What kernels run on: the current CUDA device, or the executor.
struct DeviceInfo {
  std::string name;
  int compute_major = 0, compute_minor = 0;
  int multiprocessors = 0;
  int driver_version = 0, runtime_version = 0;  ///< as CUDA counts: 1000 * major + 10 * minor
  double memory_bytes = 0;
};
DeviceInfo device_info();

/// Why nothing can run here, in one line (no driver, a driver too old, no device, a device too old), or nothing.
std::optional<std::string> why_unavailable();

/// Throws `Error` with `why_unavailable()` if there is a reason.
void require_device();

/// The most shared memory, in bytes, that a thread block may have: 227 KiB on compute capability 9.0, 163 KiB on 8.0,
/// 99 KiB on 8.6, 8.9 and 12.0; on the CPU, what the executor is told to stand for.
std::size_t shared_memory_limit(Stream stream);

/// The index of the current device; -1 on the CPU.
int current_device();

struct NamedPointer {
  const char* name;
  const void* address;
  bool required = true;
};
/// Throws `Error` unless every address is memory of the current device (anything on the CPU); null passes. The driver
/// is asked once for each.
void check_on_device(const char* what, std::span<const NamedPointer> pointers);

}  // namespace llsa::cuda::inline LLSA_WORLD

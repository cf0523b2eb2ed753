#include "cuda/device.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

DeviceInfo device_info() {
  DeviceInfo info;
  info.name = "CPU executor";
  info.multiprocessors = 1;
  return info;
}

std::optional<std::string> why_unavailable() { return std::nullopt; }
void require_device() {}
std::size_t shared_memory_limit(Stream stream) { return stream.execution.shared_limit; }
int current_device() { return -1; }
void check_on_device(const char*, std::span<const NamedPointer>) {}

}  // namespace llsa::cuda::inline LLSA_WORLD

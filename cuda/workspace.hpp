#pragma once

#include <cstddef>
#include <cstdint>

#include "llsa/error.hpp"

namespace llsa::cuda {

/// Cuts a caller's block of device memory into arrays, the same way when its size is asked for (`base` null) and when
/// it is used. Every array starts at a multiple of 256 bytes.
class Workspace {
 public:
  static constexpr std::size_t alignment = 256;

  Workspace() = default;
  explicit Workspace(void* d_base) : d_base_(static_cast<std::byte*>(d_base)) {}

  template <class T>
  T* take(std::int64_t count) {
    const std::size_t begin = bytes_;
    bytes_ += (static_cast<std::size_t>(count) * sizeof(T) + alignment - 1) / alignment * alignment;
    return d_base_ ? reinterpret_cast<T*>(d_base_ + begin) : nullptr;
  }
  std::size_t bytes() const { return bytes_; }

 private:
  std::byte* d_base_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Throws `Error` unless a workspace is large enough and a multiple of `Workspace::alignment`.
void check_workspace(const char* what, const void* d_workspace, std::size_t bytes, std::size_t needed);

}  // namespace llsa::cuda

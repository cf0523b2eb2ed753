#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "cuda/memory.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

/// Device memory for `size` elements, owned; contents undefined at first.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) : d_data_(static_cast<T*>(allocate_device(size * sizeof(T)))), size_(size) {}
  ~Buffer() { release_device(d_data_); }
  Buffer(Buffer&& other) noexcept
      : d_data_(std::exchange(other.d_data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(d_data_, other.d_data_);
    std::swap(size_, other.size_);
    return *this;
  }

  T* data() const { return d_data_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }

 private:
  T* d_data_ = nullptr;
  std::size_t size_ = 0;
};

/// A new buffer with the host's values; queued on `stream`.
template <class T>
Buffer<T> upload(std::span<const T> values, Stream stream) {
  Buffer<T> buffer(values.size());
  copy_to_device(buffer.data(), values.data(), buffer.bytes(), stream);
  return buffer;
}

/// The buffer's values on the host; waits for `stream`.
template <class T>
std::vector<T> download(const Buffer<T>& buffer, Stream stream) {
  std::vector<T> values(buffer.size());
  copy_to_host(values.data(), buffer.data(), buffer.bytes(), stream);
  synchronize(stream);
  return values;
}

}  // namespace llsa::cuda::inline LLSA_WORLD

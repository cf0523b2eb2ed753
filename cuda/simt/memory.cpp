#include "cuda/memory.hpp"

#include <cstring>
#include <new>
#include <string>

#include "cuda/simt/sanitizers.hpp"
#include "llsa/error.hpp"

namespace llsa::cuda::inline LLSA_WORLD {

namespace {
constexpr std::align_val_t alignment{256};
/// AddressSanitizer sees accesses this far before and behind every allocation; its own margin would be 256 bytes.
constexpr std::size_t margin = simt::sanitized ? 64 * 1024 : 0;
}  // namespace

void* allocate_device(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  auto* memory = static_cast<std::byte*>(::operator new(margin + bytes + margin, alignment, std::nothrow));
  if (!memory) throw Error("out of memory: " + std::to_string(bytes) + " bytes for the executor");
  simt::poison(memory, margin);
  simt::poison(memory + margin + bytes, margin);
  return memory + margin;
}

// Freeing makes all of it inaccessible, and allocating anew accessible.
void release_device(void* address) noexcept {
  if (address) ::operator delete(static_cast<std::byte*>(address) - margin, alignment);
}

void copy_to_device(void* d_to, const void* from, std::size_t bytes, Stream) {
  if (bytes > 0) std::memcpy(d_to, from, bytes);
}
void copy_to_host(void* to, const void* d_from, std::size_t bytes, Stream) {
  if (bytes > 0) std::memcpy(to, d_from, bytes);
}
void copy_on_device(void* d_to, const void* d_from, std::size_t bytes, Stream) {
  if (bytes > 0) std::memcpy(d_to, d_from, bytes);
}
void fill_device(void* d_to, unsigned char byte, std::size_t bytes, Stream) {
  if (bytes > 0) std::memset(d_to, byte, bytes);
}

void synchronize(Stream) {}

OwnedStream::OwnedStream(Stream like) : stream_(like) {}
OwnedStream::~OwnedStream() = default;
OwnedStream::OwnedStream(OwnedStream&&) noexcept = default;
OwnedStream& OwnedStream::operator=(OwnedStream&&) noexcept = default;

}  // namespace llsa::cuda::inline LLSA_WORLD

#pragma once

#include "cuda/kernel.cuh"

#if defined(LLSA_SIMT)
#include <deque>
#include <vector>
#endif

namespace llsa::cuda::inline LLSA_WORLD {

/// One thread's `cp.async` copies from global to shared memory, 16 bytes or 8, in groups that complete in order.
/// `copy` joins the open group, `commit` closes it, `wait<n>` returns when at most the n youngest groups are under way;
/// the data is then visible to this thread (to others after a barrier or, within the warp, `__syncwarp`). Both
/// addresses must be multiples of what is copied.
class AsyncCopies {
 public:
  /// Copies 16 bytes, or writes 16 zero bytes when `present` is false (`source` is not read then, but must be valid).
  __device__ __forceinline__ void copy(void* shared, const void* source, bool present) {
#if defined(LLSA_SIMT)
    begin(shared, source, 16, present);
#else
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(
                     static_cast<std::uint32_t>(__cvta_generic_to_shared(shared))),
                 "l"(source), "r"(present ? 16 : 0)
                 : "memory");
#endif
  }

  /// Copies 16 bytes.
  __device__ __forceinline__ void copy(void* shared, const void* source) {
#if defined(LLSA_SIMT)
    copy(shared, source, true);
#else
    asm volatile(
        "cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(static_cast<std::uint32_t>(__cvta_generic_to_shared(shared))),
        "l"(source)
        : "memory");
#endif
  }

  /// Copies 8 bytes, or writes 8 zero bytes when `present` is false.
  __device__ __forceinline__ void copy8(void* shared, const void* source, bool present) {
#if defined(LLSA_SIMT)
    begin(shared, source, 8, present);
#else
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(
                     static_cast<std::uint32_t>(__cvta_generic_to_shared(shared))),
                 "l"(source), "r"(present ? 8 : 0)
                 : "memory");
#endif
  }

  __device__ __forceinline__ void commit() {
#if defined(LLSA_SIMT)
    groups_.push_back(std::move(open_));
    open_.clear();
#else
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
  }

  template <int under_way>
  __device__ __forceinline__ void wait() {
#if defined(LLSA_SIMT)
    for (; groups_.size() > under_way; groups_.pop_front())
      for (const auto& [shared, source, bytes] : groups_.front()) {
        if (source)
          std::memcpy(shared, source, bytes);
        else
          std::memset(shared, 0, bytes);
        for (std::size_t i = 0; i < bytes; i += 8) simt::copy_lands(static_cast<std::byte*>(shared) + i);
      }
#else
    asm volatile("cp.async.wait_group %0;" ::"n"(under_way) : "memory");
#endif
  }

#if defined(LLSA_SIMT)
 private:
  struct Copy {
    void* shared;
    const void* source;
    std::size_t bytes;
  };
  /// The twin is as unhelpful as the hardware may be: until the wait the target holds garbage.
  void begin(void* shared, const void* source, std::size_t bytes, bool present) {
    if (reinterpret_cast<std::uintptr_t>(shared) % bytes != 0 || reinterpret_cast<std::uintptr_t>(source) % bytes != 0)
      simt::fail("cp.async with an address that is not a multiple of what it copies");
    for (std::size_t i = 0; i < bytes; i += 8) simt::copy_begins(static_cast<std::byte*>(shared) + i);
    std::memset(shared, 0xff, bytes);
    open_.push_back({shared, present ? source : nullptr, bytes});
  }
  std::vector<Copy> open_;
  std::deque<std::vector<Copy>> groups_;
#endif
};

}  // namespace llsa::cuda::inline LLSA_WORLD

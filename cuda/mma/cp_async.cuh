#pragma once

#include "cuda/kernel.cuh"

#if defined(LLSA_SIMT)
#include <deque>
#include <vector>
#endif

namespace llsa::cuda::inline LLSA_WORLD {

/// One thread's `cp.async` copies from global to shared memory, 16 bytes each, in groups that complete in order.
/// `copy` joins the open group, `commit` closes it, `wait<n>` returns when at most the n youngest groups are under way;
/// the data is then visible to this thread (to others after a barrier or, within the warp, `__syncwarp`). Both
/// addresses must be 16-byte aligned.
class AsyncCopies {
 public:
  /// Copies 16 bytes, or writes 16 zero bytes when `present` is false (`source` is not read then, but must be valid).
  __device__ __forceinline__ void copy(void* shared, const void* source, bool present) {
#if defined(LLSA_SIMT)
    // The twin is as unhelpful as the hardware may be: until the wait the target holds garbage.
    if (reinterpret_cast<std::uintptr_t>(shared) % 16 != 0 || reinterpret_cast<std::uintptr_t>(source) % 16 != 0)
      simt::fail("cp.async with an address that is not 16-byte aligned");
    simt::copy_begins(shared);
    std::memset(shared, 0xff, 16);
    open_.push_back({shared, present ? source : nullptr});
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
      for (const auto& [shared, source] : groups_.front()) {
        if (source)
          std::memcpy(shared, source, 16);
        else
          std::memset(shared, 0, 16);
        simt::copy_lands(shared);
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
  };
  std::vector<Copy> open_;
  std::deque<std::vector<Copy>> groups_;
#endif
};

}  // namespace llsa::cuda::inline LLSA_WORLD

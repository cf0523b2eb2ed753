#pragma once

#include <cstddef>

// AddressSanitizer must be told of stacks that it did not make; without it these functions do nothing.
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace llsa::cuda::simt {

#if defined(__SANITIZE_ADDRESS__)
inline void leave_stack(void** kept, const void* bottom, std::size_t size) {
  __sanitizer_start_switch_fiber(kept, bottom, size);
}
inline void enter_stack(void* kept, const void** bottom_left, std::size_t* size_left) {
  __sanitizer_finish_switch_fiber(kept, bottom_left, size_left);
}
inline void poison(void* begin, std::size_t size) { ASAN_POISON_MEMORY_REGION(begin, size); }
inline void unpoison(void* begin, std::size_t size) { ASAN_UNPOISON_MEMORY_REGION(begin, size); }
inline constexpr bool sanitized = true;
#else
inline void leave_stack(void**, const void*, std::size_t) {}
inline void enter_stack(void*, const void**, std::size_t*) {}
inline void poison(void*, std::size_t) {}
inline void unpoison(void*, std::size_t) {}
inline constexpr bool sanitized = false;
#endif

}  // namespace llsa::cuda::simt

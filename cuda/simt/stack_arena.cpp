#include "cuda/simt/stack_arena.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "cuda/simt/sanitizers.hpp"
#include "llsa/error.hpp"

namespace llsa::cuda::simt {
namespace {

const std::size_t guard_bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

}  // namespace

void StackArena::unmap() {
  if (!begin_) return;
  // Frames that an exception left behind may still be marked in AddressSanitizer's shadow.
  unpoison(begin_, count_ * stack_bytes);
  munmap(begin_, count_ * stack_bytes);
  begin_ = nullptr;
  count_ = 0;
}

StackArena::~StackArena() { unmap(); }

void StackArena::reserve(std::size_t count) {
  if (count <= count_) return;
  unmap();
  void* memory =
      mmap(nullptr, count * stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw Error("the executor has no memory for the stacks of a block's threads");
  begin_ = static_cast<std::byte*>(memory);
  count_ = count;
  for (std::size_t i = 0; i < count; ++i) mprotect(begin_ + i * stack_bytes, guard_bytes, PROT_NONE);
}

boost::context::stack_context StackArena::stack(std::size_t index) const {
  boost::context::stack_context context;
  context.size = stack_bytes - guard_bytes;
  context.sp = begin_ + (index + 1) * stack_bytes;
  return context;
}

}  // namespace llsa::cuda::simt

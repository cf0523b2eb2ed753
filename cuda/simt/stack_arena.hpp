#pragma once

#include <boost/context/stack_context.hpp>
#include <cstddef>

namespace llsa::cuda::simt {

/// Stacks for the fibers of one block, kept by the operating system's thread from launch to launch: one mapping, a
/// guard page below each stack so that an overflow stops the program instead of corrupting a neighbour.
class StackArena {
 public:
  static constexpr std::size_t stack_bytes = 256 * 1024;

  StackArena() = default;
  StackArena(const StackArena&) = delete;
  StackArena& operator=(const StackArena&) = delete;
  ~StackArena();

  /// Makes room for `count` stacks. No stack may be in use.
  void reserve(std::size_t count);
  boost::context::stack_context stack(std::size_t index) const;

 private:
  void unmap();

  std::byte* begin_ = nullptr;
  std::size_t count_ = 0;
};

/// What Boost.Context asks for: it hands out one stack and takes nothing back.
struct ArenaStack {
  boost::context::stack_context context;
  boost::context::stack_context allocate() const { return context; }
  void deallocate(boost::context::stack_context&) const noexcept {}
};

}  // namespace llsa::cuda::simt

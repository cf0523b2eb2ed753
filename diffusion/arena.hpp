#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "diffusion/aligned.hpp"

namespace llsa::diffusion {

/// One allocation for many arrays whose sizes are known beforehand. First `plan` every array, then `allocate` once: it
/// points every planned pointer at its place (zeroed, on a cache line). The pointers must stay where they are until
/// then.
template <class T>
class Arena {
 public:
  void plan(T*& pointer, std::int64_t count) {
    constexpr std::int64_t line = 64 / sizeof(T);
    plan_.emplace_back(&pointer, used_);
    used_ += (count + line - 1) / line * line;
  }
  void allocate() {
    storage_.assign(static_cast<std::size_t>(used_), T{});
    for (const auto& [pointer, offset] : plan_) *pointer = storage_.data() + offset;
    plan_.clear();
  }
  /// Bytes of everything planned so far.
  std::int64_t bytes() const { return used_ * static_cast<std::int64_t>(sizeof(T)); }

 private:
  std::vector<std::pair<T**, std::int64_t>> plan_;
  AlignedVector<T> storage_;
  std::int64_t used_ = 0;
};

}  // namespace llsa::diffusion

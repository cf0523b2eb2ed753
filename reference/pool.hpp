#pragma once

#include <vector>

#include "llsa/hierarchy.hpp"
#include "llsa/tensor.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::reference {

/// The coarse levels of one tensor: level l is `[batch, heads, T_l, dim]`, contiguous, in the accumulation type.
template <class C>
struct Pyramid {
  std::vector<Tensor<C>> coarse;  ///< `coarse[l - 1]` is level l

  int levels() const { return static_cast<int>(coarse.size()); }
  TensorView<const C> level(int l) const { return coarse[static_cast<std::size_t>(l - 1)].view(); }
};

/// Hierarchical compression, spec section 2: every token of level l is the mean of the fine tokens it stands for, so a
/// ragged parent is the count-weighted mean of its children. Sums run in ascending token order.
template <class T>
Pyramid<Accumulate<T>> pool(TensorView<const T> x, const Hierarchy& hierarchy, ThreadPool& threads);

}  // namespace llsa::reference

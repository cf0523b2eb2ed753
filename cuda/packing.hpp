#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "llsa/tensor.hpp"

namespace llsa::cuda {

/// Kernels move 16 bytes at a time, so a head's dimension is filled up with zeros to a multiple of 8: zeros change no
/// score and no output that is copied back.
constexpr std::int64_t padded_dim(std::int64_t dim) { return (dim + 7) / 8 * 8; }

/// A strided view as `[batch * heads, tokens, row]`, contiguous, `row` at least the dimension.
template <class T>
std::vector<T> packed(TensorView<const T> x, std::int64_t row) {
  const Shape& s = x.shape;
  std::vector<T> result(static_cast<std::size_t>(s.batch * s.heads * s.tokens * row), T(0.0f));
  T* to = result.data();
  for (std::int64_t h = 0; h < s.batch * s.heads; ++h) {
    const HeadView<const T> head = x.head(h);
    for (std::int64_t t = 0; t < s.tokens; ++t, to += row)
      if (head.dim_stride == 1)
        std::copy_n(head.row(t), s.dim, to);
      else
        for (std::int64_t d = 0; d < s.dim; ++d) to[d] = head(t, d);
  }
  return result;
}

/// The reverse: writes the first `dim` elements of every row to the view.
template <class T>
void unpack(const std::vector<T>& from, std::int64_t row, TensorView<T> x) {
  const Shape& s = x.shape;
  const T* at = from.data();
  for (std::int64_t h = 0; h < s.batch * s.heads; ++h) {
    const HeadView<T> head = x.head(h);
    for (std::int64_t t = 0; t < s.tokens; ++t, at += row)
      for (std::int64_t d = 0; d < s.dim; ++d) head(t, d) = at[d];
  }
}

}  // namespace llsa::cuda

#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "llsa/tensor.hpp"
#include "support/poison.hpp"

namespace llsa::testing {

/// How a tensor lies in memory. The broadcast layouts are for inputs only: their heads or batch entries coincide.
enum class Layout { contiguous, padded, heads_inside, dim_major, spread, reversed, broadcast_heads, broadcast_batch };

inline constexpr Layout output_layouts[] = {Layout::contiguous, Layout::padded, Layout::heads_inside,
                                            Layout::dim_major,  Layout::spread, Layout::reversed};

const char* name_of(Layout layout);
Strides strides_of(const Shape& shape, Layout layout);

/// A tensor in any layout inside a larger buffer. Everything is poison at first, gaps and margins too.
template <class T>
class StridedTensor {
 public:
  StridedTensor() = default;
  StridedTensor(const Shape& shape, Layout layout) : shape_(shape), strides_(strides_of(shape, layout)) {
    std::int64_t lowest = 0, highest = 0;
    const auto reach = [&](std::int64_t extent, std::int64_t stride) {
      (stride < 0 ? lowest : highest) += (extent - 1) * stride;
    };
    reach(shape.batch, strides_.batch);
    reach(shape.heads, strides_.heads);
    reach(shape.tokens, strides_.tokens);
    reach(shape.dim, strides_.dim);
    constexpr std::int64_t margin = 64;
    origin_ = margin - lowest;
    buffer_.assign(static_cast<std::size_t>(highest - lowest + 1 + 2 * margin), poison<T>());
  }

  TensorView<T> view() { return {buffer_.data() + origin_, shape_, strides_}; }
  TensorView<const T> view() const { return {buffer_.data() + origin_, shape_, strides_}; }
  TensorView<const T> cview() const { return view(); }

  /// True when nothing outside the view was ever written.
  bool gaps_are_untouched() const {
    std::vector<T> gaps = buffer_;
    const TensorView<T> inside(gaps.data() + origin_, shape_, strides_);
    for_each(shape_, [&](auto b, auto h, auto t, auto d) { inside(b, h, t, d) = poison<T>(); });
    return std::all_of(gaps.begin(), gaps.end(), [](const T& x) { return same_bits(x, poison<T>()); });
  }
  /// True when nothing at all was written.
  bool is_untouched() const {
    return std::all_of(buffer_.begin(), buffer_.end(), [](const T& x) { return same_bits(x, poison<T>()); });
  }

  template <class Function>
  static void for_each(const Shape& s, Function&& function) {
    for (std::int64_t b = 0; b < s.batch; ++b)
      for (std::int64_t h = 0; h < s.heads; ++h)
        for (std::int64_t t = 0; t < s.tokens; ++t)
          for (std::int64_t d = 0; d < s.dim; ++d) function(b, h, t, d);
  }

 private:
  Shape shape_;
  Strides strides_;
  std::int64_t origin_ = 0;
  std::vector<T> buffer_;
};

/// Any function of (batch, head, token, dim) over a shape.
template <class Function>
void for_each_index(const Shape& shape, Function&& function) {
  StridedTensor<float>::for_each(shape, function);
}

}  // namespace llsa::testing

#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "llsa/tensor.hpp"

namespace pyllsa {

/// An array as Python hands it over: address, `[batch, heads, tokens, dim]`, and strides in elements. The caller keeps
/// the memory alive; the storage type travels beside it. Address 0 stands for an array that was left out.
using Array = std::tuple<std::uintptr_t, std::array<std::int64_t, 4>, std::array<std::int64_t, 4>>;

template <class T>
llsa::TensorView<T> view_of(const Array& array) {
  const auto& [address, shape, strides] = array;
  return {reinterpret_cast<T*>(address),
          {shape[0], shape[1], shape[2], shape[3]},
          {strides[0], strides[1], strides[2], strides[3]}};
}

/// The tokens `[begin, end)` of a view.
template <class T>
llsa::TensorView<T> tokens_of(llsa::TensorView<T> view, std::int64_t begin, std::int64_t end) {
  if (view.data == nullptr) return view;
  view.data += begin * view.strides.tokens;
  view.shape.tokens = end - begin;
  return view;
}

/// Calls `work` with a value of the storage type.
template <class Work>
void with_type(llsa::DType dtype, const Work& work) {
  switch (dtype) {
    case llsa::DType::f16:
      return work(llsa::half{});
    case llsa::DType::bf16:
      return work(llsa::bfloat16{});
    case llsa::DType::f32:
      return work(float{});
    case llsa::DType::f64:
      return work(double{});
  }
}

template <class T>
void fill_with_zero(const llsa::TensorView<T>& view) {
  const llsa::Shape& s = view.shape;
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t h = 0; h < s.heads; ++h)
      for (std::int64_t t = 0; t < s.tokens; ++t)
        for (std::int64_t d = 0; d < s.dim; ++d) view(b, h, t, d) = T{};
}

}  // namespace pyllsa

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "llsa/dtype.hpp"

namespace llsa {

/// `[batch, heads, tokens, dim]`.
struct Shape {
  std::int64_t batch = 1, heads = 1, tokens = 0, dim = 0;
  std::int64_t size() const { return batch * heads * tokens * dim; }
  friend bool operator==(const Shape&, const Shape&) = default;
};

/// "[batch, heads, tokens, dim]".
inline std::string text_of(const Shape& s) {
  return "[" + std::to_string(s.batch) + ", " + std::to_string(s.heads) + ", " + std::to_string(s.tokens) + ", " +
         std::to_string(s.dim) + "]";
}

/// Distances in elements between neighbours along each axis; any values, also 0 (broadcast) for const views.
struct Strides {
  std::int64_t batch = 0, heads = 0, tokens = 0, dim = 1;
  friend bool operator==(const Strides&, const Strides&) = default;
};

constexpr Strides contiguous_strides(const Shape& s) {
  return {s.heads * s.tokens * s.dim, s.tokens * s.dim, s.dim, 1};
}

/// One head of a tensor: `[tokens, dim]`, strided, not owned.
template <class T>
struct HeadView {
  T* data = nullptr;
  std::int64_t tokens = 0, dim = 0;
  std::int64_t token_stride = 0, dim_stride = 1;

  T& operator()(std::int64_t token, std::int64_t d) const { return data[token * token_stride + d * dim_stride]; }
  T* row(std::int64_t token) const { return data + token * token_stride; }
};

/// A strided view of `[batch, heads, tokens, dim]`; owns nothing, copies cheaply. `TensorView<const T>` is an input.
template <class T>
struct TensorView {
  T* data = nullptr;
  Shape shape;
  Strides strides;

  TensorView() = default;
  TensorView(T* data_, Shape shape_, Strides strides_) : data(data_), shape(shape_), strides(strides_) {}
  TensorView(T* data_, Shape shape_) : TensorView(data_, shape_, contiguous_strides(shape_)) {}
  /// A mutable view serves where a const one is asked for.
  template <class U>
  requires(std::is_same_v<T, const U>) TensorView(const TensorView<U>& other)
      : TensorView(other.data, other.shape, other.strides) {}

  T& operator()(std::int64_t b, std::int64_t h, std::int64_t token, std::int64_t d) const {
    return data[b * strides.batch + h * strides.heads + token * strides.tokens + d * strides.dim];
  }
  HeadView<T> head(std::int64_t b, std::int64_t h) const {
    return {data + b * strides.batch + h * strides.heads, shape.tokens, shape.dim, strides.tokens, strides.dim};
  }
  /// Head number `index` of `batch * heads`, heads fastest.
  HeadView<T> head(std::int64_t index) const { return head(index / shape.heads, index % shape.heads); }
};

/// A contiguous tensor that owns its elements.
template <class T>
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Shape shape, T value = T{}) : shape_(shape), data_(static_cast<std::size_t>(shape.size()), value) {}

  const Shape& shape() const { return shape_; }
  std::span<T> flat() { return data_; }
  std::span<const T> flat() const { return data_; }
  T* data() { return data_.data(); }
  const T* data() const { return data_.data(); }
  TensorView<T> view() { return {data_.data(), shape_}; }
  TensorView<const T> view() const { return {data_.data(), shape_}; }
  TensorView<const T> cview() const { return view(); }
  T& operator()(std::int64_t b, std::int64_t h, std::int64_t t, std::int64_t d) { return view()(b, h, t, d); }
  const T& operator()(std::int64_t b, std::int64_t h, std::int64_t t, std::int64_t d) const {
    return view()(b, h, t, d);
  }

 private:
  Shape shape_;
  std::vector<T> data_;
};

}  // namespace llsa

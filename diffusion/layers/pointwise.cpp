#include <algorithm>

#include "diffusion/layers/eigen_layers.hpp"
#include "diffusion/layers/eigen_maps.hpp"

namespace llsa::diffusion {
namespace {

/// Elements per piece of an elementwise pass: large enough to amortise handing it out, small enough for the cache.
constexpr std::int64_t element_piece = 1 << 15;
constexpr double gelu_slope = 0.7978845608028654;  // sqrt(2 / pi)
constexpr double gelu_cubic = 0.044715;

}  // namespace

template <class T>
void EigenLayers<T>::gelu_forward(std::int64_t size, const T* x, T* y) {
  const ProfileScope scope(profile_, "gelu_forward");
  for_ranges(size, element_piece, [&](std::int64_t begin, std::int64_t end) {
    const ConstArrayMap<T> in(x + begin, end - begin);
    ArrayMap<T>(y + begin, end - begin) =
        T(0.5) * in * (T(1) + (T(gelu_slope) * in * (T(1) + T(gelu_cubic) * in.square())).tanh());
  });
}

template <class T>
void EigenLayers<T>::gelu_backward(std::int64_t size, const T* x, const T* dy, T* dx) {
  const ProfileScope scope(profile_, "gelu_backward");
  for_ranges(size, element_piece, [&](std::int64_t begin, std::int64_t end) {
    constexpr std::int64_t strip = 1024;  // keeps the two tanh-dependent factors in the nearest cache
    RowArray<T> t(strip);
    for (std::int64_t at = begin; at < end; at += strip) {
      const std::int64_t n = std::min(strip, end - at);
      const ConstArrayMap<T> in(x + at, n), out_gradient(dy + at, n);
      t.head(n) = (T(gelu_slope) * in * (T(1) + T(gelu_cubic) * in.square())).tanh();
      ArrayMap<T>(dx + at, n) =
          out_gradient * T(0.5) *
          (T(1) + t.head(n) +
           in * (T(1) - t.head(n).square()) * T(gelu_slope) * (T(1) + T(3 * gelu_cubic) * in.square()));
    }
  });
}

template <class T>
void EigenLayers<T>::silu_forward(std::int64_t size, const T* x, T* y) {
  for_ranges(size, element_piece, [&](std::int64_t begin, std::int64_t end) {
    const ConstArrayMap<T> in(x + begin, end - begin);
    ArrayMap<T>(y + begin, end - begin) = in / (T(1) + (-in).exp());
  });
}

template <class T>
void EigenLayers<T>::silu_backward(std::int64_t size, const T* x, const T* dy, T* dx) {
  for_ranges(size, element_piece, [&](std::int64_t begin, std::int64_t end) {
    const ConstArrayMap<T> in(x + begin, end - begin);
    const RowArray<T> gate = T(1) / (T(1) + (-in).exp());
    ArrayMap<T>(dx + begin, end - begin) =
        ConstArrayMap<T>(dy + begin, end - begin) * gate * (T(1) + in * (T(1) - gate));
  });
}

template <class T>
void EigenLayers<T>::add(std::int64_t size, const T* x, T* y) {
  for_ranges(size, element_piece, [&](std::int64_t begin, std::int64_t end) {
    ArrayMap<T>(y + begin, end - begin) += ConstArrayMap<T>(x + begin, end - begin);
  });
}

template <class T>
void EigenLayers<T>::permute(std::int64_t batch, const std::vector<std::int32_t>& index, const T* from, T* to) {
  const auto size = static_cast<std::int64_t>(index.size());
  threads_->parallel_for(batch, [&](std::int64_t b, int) {
    for (std::int64_t i = 0; i < size; ++i) to[b * size + i] = from[b * size + index[static_cast<std::size_t>(i)]];
  });
}

#define LLSA_INSTANTIATE(T)                                                          \
  template void EigenLayers<T>::gelu_forward(std::int64_t, const T*, T*);            \
  template void EigenLayers<T>::gelu_backward(std::int64_t, const T*, const T*, T*); \
  template void EigenLayers<T>::silu_forward(std::int64_t, const T*, T*);            \
  template void EigenLayers<T>::silu_backward(std::int64_t, const T*, const T*, T*); \
  template void EigenLayers<T>::add(std::int64_t, const T*, T*);                     \
  template void EigenLayers<T>::permute(std::int64_t, const std::vector<std::int32_t>&, const T*, T*)
LLSA_INSTANTIATE(float);
LLSA_INSTANTIATE(double);
#undef LLSA_INSTANTIATE

}  // namespace llsa::diffusion

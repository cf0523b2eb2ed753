#include <cmath>

#include "diffusion/layers/eigen_layers.hpp"
#include "diffusion/layers/eigen_maps.hpp"

namespace llsa::diffusion {
namespace {

constexpr double epsilon = 1e-6;

/// The sum of `pieces` partial vectors of `dim` numbers, in ascending order.
template <class T>
void sum_pieces(const T* partial, std::int64_t pieces, std::int64_t dim, T* sum) {
  ArrayMap<T> total(sum, dim);
  total.setZero();
  for (std::int64_t i = 0; i < pieces; ++i) total += ConstArrayMap<T>(partial + i * dim, dim);
}

}  // namespace

template <class T>
void EigenLayers<T>::modulated_norm_forward(TokenShape s, const T* x, PerImage<const T> shift, PerImage<const T> scale,
                                            T* y, T* mean, T* rstd) {
  const ProfileScope scope(profile_, "modulated_norm_forward");
  for_image_ranges(s, [&](std::int64_t image, std::int64_t, std::int64_t begin, std::int64_t end) {
    const ConstArrayMap<T> a(shift.of(image), s.dim), g(scale.of(image), s.dim);
    for (std::int64_t row = image * s.tokens + begin; row < image * s.tokens + end; ++row) {
      const ConstArrayMap<T> in(x + row * s.dim, s.dim);
      const T m = in.mean();
      const T r = T(1) / std::sqrt((in - m).square().mean() + T(epsilon));
      ArrayMap<T>(y + row * s.dim, s.dim) = (in - m) * r * (T(1) + g) + a;
      mean[row] = m;
      rstd[row] = r;
    }
  });
}

template <class T>
void EigenLayers<T>::modulated_norm_backward(TokenShape s, const T* x, const T* mean, const T* rstd,
                                             PerImage<const T> scale, const T* dy, T* dx, PerImage<T> dshift,
                                             PerImage<T> dscale) {
  const ProfileScope scope(profile_, "modulated_norm_backward");
  const std::int64_t pieces = (s.tokens + row_piece - 1) / row_piece;
  T* const shift_parts = scratch(2 * s.batch * pieces * s.dim);
  T* const scale_parts = shift_parts + s.batch * pieces * s.dim;
  for_image_ranges(s, [&](std::int64_t image, std::int64_t piece, std::int64_t begin, std::int64_t end) {
    const ConstArrayMap<T> g(scale.of(image), s.dim);
    ArrayMap<T> sum_shift(shift_parts + piece * s.dim, s.dim), sum_scale(scale_parts + piece * s.dim, s.dim);
    sum_shift.setZero();
    sum_scale.setZero();
    RowArray<T> normed(s.dim), normed_gradient(s.dim);
    for (std::int64_t row = image * s.tokens + begin; row < image * s.tokens + end; ++row) {
      const ConstArrayMap<T> in(x + row * s.dim, s.dim), out_gradient(dy + row * s.dim, s.dim);
      normed = (in - mean[row]) * rstd[row];
      sum_shift += out_gradient;
      sum_scale += out_gradient * normed;
      normed_gradient = out_gradient * (T(1) + g);
      const T mean_d = normed_gradient.mean(), mean_dn = (normed_gradient * normed).mean();
      ArrayMap<T>(dx + row * s.dim, s.dim) += rstd[row] * (normed_gradient - mean_d - normed * mean_dn);
    }
  });
  for (std::int64_t b = 0; b < s.batch; ++b) {
    sum_pieces(shift_parts + b * pieces * s.dim, pieces, s.dim, dshift.of(b));
    sum_pieces(scale_parts + b * pieces * s.dim, pieces, s.dim, dscale.of(b));
  }
}

template <class T>
void EigenLayers<T>::gated_residual_forward(TokenShape s, const T* x, PerImage<const T> gate, const T* h, T* y) {
  const ProfileScope scope(profile_, "gated_residual_forward");
  for_image_ranges(s, [&](std::int64_t image, std::int64_t, std::int64_t begin, std::int64_t end) {
    const ConstArrayMap<T> g(gate.of(image), s.dim);
    for (std::int64_t row = image * s.tokens + begin; row < image * s.tokens + end; ++row) {
      ArrayMap<T>(y + row * s.dim, s.dim) =
          ConstArrayMap<T>(x + row * s.dim, s.dim) + g * ConstArrayMap<T>(h + row * s.dim, s.dim);
    }
  });
}

template <class T>
void EigenLayers<T>::gated_residual_backward(TokenShape s, PerImage<const T> gate, const T* h, const T* dy, T* dh,
                                             PerImage<T> dgate) {
  const ProfileScope scope(profile_, "gated_residual_backward");
  const std::int64_t pieces = (s.tokens + row_piece - 1) / row_piece;
  T* const parts = scratch(s.batch * pieces * s.dim);
  for_image_ranges(s, [&](std::int64_t image, std::int64_t piece, std::int64_t begin, std::int64_t end) {
    const ConstArrayMap<T> g(gate.of(image), s.dim);
    ArrayMap<T> sum(parts + piece * s.dim, s.dim);
    sum.setZero();
    for (std::int64_t row = image * s.tokens + begin; row < image * s.tokens + end; ++row) {
      const ConstArrayMap<T> out_gradient(dy + row * s.dim, s.dim);
      sum += out_gradient * ConstArrayMap<T>(h + row * s.dim, s.dim);
      ArrayMap<T>(dh + row * s.dim, s.dim) = g * out_gradient;
    }
  });
  for (std::int64_t b = 0; b < s.batch; ++b) sum_pieces(parts + b * pieces * s.dim, pieces, s.dim, dgate.of(b));
}

template <class T>
void EigenLayers<T>::rms_norm_forward(HeadShape s, const T* x, std::int64_t x_stride, const T* weight, T* y,
                                      std::int64_t y_stride, T* rstd) {
  const ProfileScope scope(profile_, "rms_norm_forward");
  const ConstArrayMap<T> w(weight, s.dim);
  for_ranges(s.rows, row_piece, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      for (std::int64_t h = 0; h < s.heads; ++h) {
        const ConstArrayMap<T> in(x + row * x_stride + h * s.dim, s.dim);
        const T r = T(1) / std::sqrt(in.square().mean() + T(epsilon));
        ArrayMap<T>(y + row * y_stride + h * s.dim, s.dim) = in * r * w;
        rstd[row * s.heads + h] = r;
      }
    }
  });
}

template <class T>
void EigenLayers<T>::rms_norm_backward(HeadShape s, const T* x, std::int64_t x_stride, const T* weight, const T* rstd,
                                       const T* dy, std::int64_t dy_stride, T* dx, std::int64_t dx_stride, T* dweight) {
  const ProfileScope scope(profile_, "rms_norm_backward");
  const ConstArrayMap<T> w(weight, s.dim);
  const std::int64_t pieces = (s.rows + row_piece - 1) / row_piece;
  T* const parts = scratch(pieces * s.dim);
  for_ranges(s.rows, row_piece, [&](std::int64_t begin, std::int64_t end) {
    ArrayMap<T> sum(parts + begin / row_piece * s.dim, s.dim);
    sum.setZero();
    for (std::int64_t row = begin; row < end; ++row) {
      for (std::int64_t h = 0; h < s.heads; ++h) {
        const T r = rstd[row * s.heads + h];
        const ConstArrayMap<T> in(x + row * x_stride + h * s.dim, s.dim),
            out_gradient(dy + row * dy_stride + h * s.dim, s.dim);
        sum += out_gradient * in * r;
        const T along = (out_gradient * w * in).mean() * r * r;
        ArrayMap<T>(dx + row * dx_stride + h * s.dim, s.dim) = r * (out_gradient * w - in * along);
      }
    }
  });
  ArrayMap<T> total(dweight, s.dim);
  for (std::int64_t i = 0; i < pieces; ++i) total += ConstArrayMap<T>(parts + i * s.dim, s.dim);
}

#define LLSA_INSTANTIATE(T)                                                                                            \
  template void EigenLayers<T>::modulated_norm_forward(TokenShape, const T*, PerImage<const T>, PerImage<const T>, T*, \
                                                       T*, T*);                                                        \
  template void EigenLayers<T>::modulated_norm_backward(TokenShape, const T*, const T*, const T*, PerImage<const T>,   \
                                                        const T*, T*, PerImage<T>, PerImage<T>);                       \
  template void EigenLayers<T>::gated_residual_forward(TokenShape, const T*, PerImage<const T>, const T*, T*);         \
  template void EigenLayers<T>::gated_residual_backward(TokenShape, PerImage<const T>, const T*, const T*, T*,         \
                                                        PerImage<T>);                                                  \
  template void EigenLayers<T>::rms_norm_forward(HeadShape, const T*, std::int64_t, const T*, T*, std::int64_t, T*);   \
  template void EigenLayers<T>::rms_norm_backward(HeadShape, const T*, std::int64_t, const T*, const T*, const T*,     \
                                                  std::int64_t, T*, std::int64_t, T*)
LLSA_INSTANTIATE(float);
LLSA_INSTANTIATE(double);
#undef LLSA_INSTANTIATE

}  // namespace llsa::diffusion

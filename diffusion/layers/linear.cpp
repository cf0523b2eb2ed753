#include <algorithm>

#include "diffusion/layers/eigen_layers.hpp"
#include "diffusion/layers/eigen_maps.hpp"
#include "diffusion/layers/product.hpp"

namespace llsa::diffusion {
namespace {

/// Rows of the input per piece of work: Eigen packs the weights anew for each.
constexpr std::int64_t linear_piece = 512;
/// The weight gradient is summed over at most this many slices of the rows, each of at least `slice_rows`.
constexpr std::int64_t most_slices = 8, slice_rows = 1024;

double product_flops(const LinearShape& s) { return 2.0 * double(s.rows) * double(s.in) * double(s.out); }

}  // namespace

template <class T>
void EigenLayers<T>::linear_forward(LinearShape s, const T* x, const T* weight, const T* bias, T* y) {
  const ProfileScope scope(profile_, "linear_forward", product_flops(s));
  const ConstMatrixMap<T> w(weight, s.out, s.in);
  for_ranges(s.rows, linear_piece, [&](std::int64_t begin, std::int64_t end) {
    MatrixMap<T> out(y + begin * s.out, end - begin, s.out);
    out.noalias() = ConstMatrixMap<T>(x + begin * s.in, end - begin, s.in) * w.transpose();
    if (bias) out.rowwise() += ConstMatrixMap<T>(bias, 1, s.out).row(0);
  });
}

template <class T>
void EigenLayers<T>::linear_backward(LinearShape s, const T* x, const T* weight, const T* dy, T* dx, T* dweight,
                                     T* dbias) {
  const ConstMatrixMap<T> w(weight, s.out, s.in), output_gradient(dy, s.rows, s.out);
  if (dx) {
    const ProfileScope scope(profile_, "linear_backward_input", product_flops(s));
    for_ranges(s.rows, linear_piece, [&](std::int64_t begin, std::int64_t end) {
      MatrixMap<T>(dx + begin * s.in, end - begin, s.in).noalias() = output_gradient.middleRows(begin, end - begin) * w;
    });
  }
  // Every slice of the rows gives a partial sum; they are added in ascending order.
  const ProfileScope scope(profile_, "linear_backward_weight", product_flops(s));
  const std::int64_t slices = std::clamp<std::int64_t>(s.rows / slice_rows, 1, most_slices);
  const std::int64_t size = s.out * s.in, length = std::max<std::int64_t>(1, (s.rows + slices - 1) / slices);
  T* const parts = scratch(slices * (size + s.out));
  T* const bias_parts = parts + slices * size;
  for_ranges(s.rows, length, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t slice = begin / length;
    const auto rows_gradient = output_gradient.middleRows(begin, end - begin);
    transposed_product(end - begin, s.out, s.in, dy + begin * s.out, x + begin * s.in, parts + slice * size);
    if (dbias) MatrixMap<T>(bias_parts + slice * s.out, 1, s.out) = rows_gradient.colwise().sum();
  });
  const std::int64_t used = (s.rows + length - 1) / length;
  const auto add_slices = [&](const T* from, std::int64_t stride, T* to, std::int64_t begin, std::int64_t end) {
    for (std::int64_t slice = 0; slice < used; ++slice) {
      ArrayMap<T>(to + begin, end - begin) += ConstArrayMap<T>(from + slice * stride + begin, end - begin);
    }
  };
  for_ranges(size, 1 << 14,
             [&](std::int64_t begin, std::int64_t end) { add_slices(parts, size, dweight, begin, end); });
  if (dbias) add_slices(bias_parts, s.out, dbias, 0, s.out);
}

template void EigenLayers<float>::linear_forward(LinearShape, const float*, const float*, const float*, float*);
template void EigenLayers<double>::linear_forward(LinearShape, const double*, const double*, const double*, double*);
template void EigenLayers<float>::linear_backward(LinearShape, const float*, const float*, const float*, float*, float*,
                                                  float*);
template void EigenLayers<double>::linear_backward(LinearShape, const double*, const double*, const double*, double*,
                                                   double*, double*);

}  // namespace llsa::diffusion

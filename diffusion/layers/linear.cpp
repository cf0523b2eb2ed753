#include "diffusion/layers/eigen_layers.hpp"
#include "diffusion/layers/eigen_maps.hpp"

namespace llsa::diffusion {
namespace {

/// Output features per piece of the weight gradient: enough for Eigen's kernel, few enough to share among threads.
constexpr std::int64_t feature_piece = 64;

double product_flops(const LinearShape& s) { return 2.0 * double(s.rows) * double(s.in) * double(s.out); }

}  // namespace

template <class T>
void EigenLayers<T>::linear_forward(LinearShape s, const T* x, const T* weight, const T* bias, T* y) {
  const ProfileScope scope(profile_, "linear_forward", product_flops(s));
  const ConstMatrixMap<T> w(weight, s.out, s.in);
  for_ranges(s.rows, row_piece, [&](std::int64_t begin, std::int64_t end) {
    MatrixMap<T> out(y + begin * s.out, end - begin, s.out);
    out.noalias() = ConstMatrixMap<T>(x + begin * s.in, end - begin, s.in) * w.transpose();
    if (bias) out.rowwise() += ConstMatrixMap<T>(bias, 1, s.out).row(0);
  });
}

template <class T>
void EigenLayers<T>::linear_backward(LinearShape s, const T* x, const T* weight, const T* dy, T* dx, T* dweight,
                                     T* dbias) {
  const ConstMatrixMap<T> w(weight, s.out, s.in), input(x, s.rows, s.in), d_output(dy, s.rows, s.out);
  if (dx) {
    const ProfileScope scope(profile_, "linear_backward_input", product_flops(s));
    for_ranges(s.rows, row_piece, [&](std::int64_t begin, std::int64_t end) {
      MatrixMap<T>(dx + begin * s.in, end - begin, s.in).noalias() = d_output.middleRows(begin, end - begin) * w;
    });
  }
  // Each piece owns some rows of dweight and sums over all tokens, so no partial sums need to be added up afterwards.
  const ProfileScope scope(profile_, "linear_backward_weight", product_flops(s));
  for_ranges(s.out, feature_piece, [&](std::int64_t begin, std::int64_t end) {
    const auto columns = d_output.middleCols(begin, end - begin);
    MatrixMap<T>(dweight + begin * s.in, end - begin, s.in).noalias() += columns.transpose() * input;
    if (dbias) ArrayMap<T>(dbias + begin, end - begin) += columns.colwise().sum().array();
  });
}

template void EigenLayers<float>::linear_forward(LinearShape, const float*, const float*, const float*, float*);
template void EigenLayers<double>::linear_forward(LinearShape, const double*, const double*, const double*, double*);
template void EigenLayers<float>::linear_backward(LinearShape, const float*, const float*, const float*, float*, float*,
                                                  float*);
template void EigenLayers<double>::linear_backward(LinearShape, const double*, const double*, const double*, double*,
                                                   double*, double*);

}  // namespace llsa::diffusion

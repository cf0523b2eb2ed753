#include "diffusion/layers/product.hpp"

#include "diffusion/layers/eigen_maps.hpp"
#ifdef LLSA_ONEDNN
#include "diffusion/layers/onednn.hpp"
#endif

namespace llsa::diffusion {

template <class T>
void transposed_product(std::int64_t rows, std::int64_t m, std::int64_t n, const T* a, const T* b, T* c) {
#ifdef LLSA_ONEDNN
  if constexpr (std::is_same_v<T, float>) return onednn_transposed_product(rows, m, n, a, b, c);
#endif
  MatrixMap<T>(c, m, n).noalias() = ConstMatrixMap<T>(a, rows, m).transpose() * ConstMatrixMap<T>(b, rows, n);
}

template void transposed_product(std::int64_t, std::int64_t, std::int64_t, const float*, const float*, float*);
template void transposed_product(std::int64_t, std::int64_t, std::int64_t, const double*, const double*, double*);

}  // namespace llsa::diffusion

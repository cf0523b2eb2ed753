#include <cmath>

#include "diffusion/layers/eigen_layers.hpp"
#include "diffusion/layers/eigen_maps.hpp"

namespace llsa::diffusion {

template <class T>
void EigenLayers<T>::timestep_features(std::int64_t batch, std::int64_t dim, const T* time, T* y) {
  const std::int64_t half = dim / 2;
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t i = 0; i < half; ++i) {
      const double frequency = std::exp(-std::log(10000.0) * double(i) / double(half - 1));
      const double angle = 1000.0 * double(time[b]) * frequency;
      y[b * dim + i] = T(std::cos(angle));
      y[b * dim + half + i] = T(std::sin(angle));
    }
  }
}

template <class T>
void EigenLayers<T>::label_embedding_forward(std::int64_t batch, std::int64_t dim, const std::int32_t* labels,
                                             const T* table, T* y) {
  for (std::int64_t b = 0; b < batch; ++b) {
    ArrayMap<T>(y + b * dim, dim) += ConstArrayMap<T>(table + labels[b] * dim, dim);
  }
}

template <class T>
void EigenLayers<T>::label_embedding_backward(std::int64_t batch, std::int64_t dim, const std::int32_t* labels,
                                              const T* dy, T* dtable) {
  for (std::int64_t b = 0; b < batch; ++b) {
    ArrayMap<T>(dtable + labels[b] * dim, dim) += ConstArrayMap<T>(dy + b * dim, dim);
  }
}

#define LLSA_INSTANTIATE(T)                                                                                        \
  template void EigenLayers<T>::timestep_features(std::int64_t, std::int64_t, const T*, T*);                       \
  template void EigenLayers<T>::label_embedding_forward(std::int64_t, std::int64_t, const std::int32_t*, const T*, \
                                                        T*);                                                       \
  template void EigenLayers<T>::label_embedding_backward(std::int64_t, std::int64_t, const std::int32_t*, const T*, T*)
LLSA_INSTANTIATE(float);
LLSA_INSTANTIATE(double);
#undef LLSA_INSTANTIATE

}  // namespace llsa::diffusion

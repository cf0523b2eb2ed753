#include <algorithm>

#include "diffusion/layers/eigen_layers.hpp"
#include "diffusion/layers/eigen_maps.hpp"

namespace llsa::diffusion {

template <class T>
void EigenLayers<T>::for_ranges(std::int64_t items, std::int64_t piece,
                                const std::function<void(std::int64_t, std::int64_t)>& work) {
  const std::int64_t pieces = (items + piece - 1) / piece;
  threads_->parallel_for(pieces, [&](std::int64_t i, int) { work(i * piece, std::min(items, (i + 1) * piece)); });
}

template <class T>
void EigenLayers<T>::for_image_ranges(
    const TokenShape& shape, const std::function<void(std::int64_t, std::int64_t, std::int64_t, std::int64_t)>& work) {
  const std::int64_t pieces = (shape.tokens + row_piece - 1) / row_piece;
  threads_->parallel_for(shape.batch * pieces, [&](std::int64_t i, int) {
    const std::int64_t begin = i % pieces * row_piece;
    work(i / pieces, i, begin, std::min(shape.tokens, begin + row_piece));
  });
}

template <class T>
T* EigenLayers<T>::scratch(std::int64_t size) {
  if (static_cast<std::int64_t>(scratch_.size()) < size) scratch_.resize(static_cast<std::size_t>(size));
  return scratch_.data();
}

template void EigenLayers<float>::for_ranges(std::int64_t, std::int64_t,
                                             const std::function<void(std::int64_t, std::int64_t)>&);
template void EigenLayers<double>::for_ranges(std::int64_t, std::int64_t,
                                              const std::function<void(std::int64_t, std::int64_t)>&);
template void EigenLayers<float>::for_image_ranges(
    const TokenShape&, const std::function<void(std::int64_t, std::int64_t, std::int64_t, std::int64_t)>&);
template void EigenLayers<double>::for_image_ranges(
    const TokenShape&, const std::function<void(std::int64_t, std::int64_t, std::int64_t, std::int64_t)>&);
template float* EigenLayers<float>::scratch(std::int64_t);
template double* EigenLayers<double>::scratch(std::int64_t);

}  // namespace llsa::diffusion

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "diffusion/layers/eigen_layers.hpp"
#include "diffusion/layers/eigen_maps.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {

template <class T>
RotaryTable<T> rotary_table(Grid grid, const TokenOrder& order, std::int64_t dim, double base) {
  if (dim < 4 || dim % 4 != 0)
    throw Error(fmt::format("head dimension is {}; rotary embedding needs a multiple of 4", dim));
  const std::int64_t quarter = dim / 4, of_frame = grid.frames > 1 ? std::max<std::int64_t>(1, quarter / 4) : 0;
  if (of_frame >= quarter)
    throw Error(fmt::format("head dimension is {}; rotary embedding of videos needs at least 8", dim));
  RotaryTable<T> table{.tokens = grid.size(), .dim = dim, .cosine = {}, .sine = {}};
  table.cosine.resize(static_cast<std::size_t>(grid.size() * dim / 2));
  table.sine.resize(table.cosine.size());
  for (std::int64_t i = 0; i < grid.size(); ++i) {
    const std::int64_t cell = order.to_raster()[static_cast<std::size_t>(i)];
    const double position[2] = {double(cell / grid.width % grid.height), double(cell % grid.width)};
    const double frame = double(cell / (grid.width * grid.height));
    for (std::int64_t j = 0; j < 2 * quarter; ++j) {
      const std::int64_t axis = j / quarter, within = j % quarter, slowest = within - (quarter - of_frame);
      const double angle = slowest < 0
                               ? position[axis] * std::pow(base, -double(within) / double(quarter))
                               : frame * std::pow(base, -double(axis * of_frame + slowest) / double(2 * of_frame));
      table.cosine[static_cast<std::size_t>(i * dim / 2 + j)] = T(std::cos(angle));
      table.sine[static_cast<std::size_t>(i * dim / 2 + j)] = T(std::sin(angle));
    }
  }
  return table;
}

namespace {

/// Rotates the heads of one row by `direction` (+1 or -1) times the angles.
template <class T>
void rotate_row(const HeadShape& s, const T* cosine, const T* sine, T direction, T* row) {
  const std::int64_t quarter = s.dim / 4;
  for (std::int64_t h = 0; h < s.heads; ++h) {
    for (std::int64_t axis = 0; axis < 2; ++axis) {
      T* const a = row + h * s.dim + axis * 2 * quarter;
      T* const b = a + quarter;
      const T* const c = cosine + axis * quarter;
      const T* const n = sine + axis * quarter;
      for (std::int64_t j = 0; j < quarter; ++j) {
        const T turned = a[j] * c[j] - direction * b[j] * n[j];
        b[j] = b[j] * c[j] + direction * a[j] * n[j];
        a[j] = turned;
      }
    }
  }
}

}  // namespace

template <class T>
void EigenLayers<T>::rotary_forward(HeadShape s, const RotaryTable<T>& table, T* x, std::int64_t stride) {
  const ProfileScope scope(profile_, "rotary_forward");
  for_ranges(s.rows, row_piece, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t angles = row % table.tokens * s.dim / 2;
      rotate_row(s, table.cosine.data() + angles, table.sine.data() + angles, T(1), x + row * stride);
    }
  });
}

template <class T>
void EigenLayers<T>::rotary_backward(HeadShape s, const RotaryTable<T>& table, T* dx, std::int64_t stride) {
  const ProfileScope scope(profile_, "rotary_backward");
  for_ranges(s.rows, row_piece, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t angles = row % table.tokens * s.dim / 2;
      rotate_row(s, table.cosine.data() + angles, table.sine.data() + angles, T(-1), dx + row * stride);
    }
  });
}

#define LLSA_INSTANTIATE(T)                                                                         \
  template RotaryTable<T> rotary_table(Grid, const TokenOrder&, std::int64_t, double);              \
  template void EigenLayers<T>::rotary_forward(HeadShape, const RotaryTable<T>&, T*, std::int64_t); \
  template void EigenLayers<T>::rotary_backward(HeadShape, const RotaryTable<T>&, T*, std::int64_t)
LLSA_INSTANTIATE(float);
LLSA_INSTANTIATE(double);
#undef LLSA_INSTANTIATE

}  // namespace llsa::diffusion

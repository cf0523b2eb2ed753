#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "llsa/attention.hpp"
#include "reference/pool.hpp"
#include "reference/problem.hpp"
#include "reference/tile_product.hpp"

namespace llsa::reference {

/// Aligned scratch.
template <class C>
using Buffer = Eigen::Array<C, Eigen::Dynamic, 1>;

/// Rows `[first, first + count)` of a head as numbers of type C with unit stride: in place when they are stored so,
/// else converted into `scratch` (`[count, dim]`).
template <class C, class T>
inline Rows<C> rows_of(const HeadView<const T>& x, std::int64_t first, std::int64_t count, C* scratch) {
  if constexpr (std::is_same_v<C, T>)
    if (x.dim_stride == 1) return {x.row(first), x.token_stride, count};
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t d = 0; d < x.dim; ++d) scratch[i * x.dim + d] = static_cast<C>(x(first + i, d));
  return {scratch, x.dim, count};
}

/// The tile: `tile[d][c] = factor * x[first + c][d]` for `count` columns, zero in the padding up to `columns`.
template <class C, class T>
inline void load_tile(const HeadView<const T>& x, std::int64_t first, std::int64_t count, C factor, C* tile,
                      std::int64_t columns) {
  constexpr std::int64_t W = lanes<C>;
  for (std::int64_t c = 0; c < columns; c += W) {
    std::int64_t d = 0;
    if constexpr (std::is_same_v<C, T>)
      if (x.dim_stride == 1 && c + W <= count)
        for (; d + W <= x.dim; d += W) {
          Vector<C> block[W];
          for (int i = 0; i < W; ++i) block[i] = factor * load(x.row(first + c + i) + d);
          transpose_vectors<C>(block);
          for (int i = 0; i < W; ++i) store(tile + (d + i) * columns + c, block[i]);
        }
    for (; d < x.dim; ++d)
      for (std::int64_t i = c; i < c + W; ++i)
        tile[d * columns + i] = i < count ? factor * static_cast<C>(x(first + i, d)) : C{0};
  }
}

/// The way back: `x[first + c][d] = tile[d][c] + offset[d]` for `count` columns; `offset(c)` is a row or null.
template <class C, class T, class Offset>
inline void store_tile(const C* tile, std::int64_t columns, std::int64_t count, const HeadView<T>& x,
                       std::int64_t first, const Offset& offset) {
  constexpr std::int64_t W = lanes<C>;
  for (std::int64_t c = 0; c < count; c += W) {
    std::int64_t d = 0;
    if constexpr (std::is_same_v<C, T>)
      if (x.dim_stride == 1 && c + W <= count)
        for (; d + W <= x.dim; d += W) {
          Vector<C> block[W];
          for (int i = 0; i < W; ++i) block[i] = load(tile + (d + i) * columns + c);
          transpose_vectors<C>(block);
          for (int i = 0; i < W; ++i) {
            const C* row = offset(c + i);
            store(x.row(first + c + i) + d, row ? block[i] + load(row + d) : block[i]);
          }
        }
    for (; d < x.dim; ++d)
      for (std::int64_t i = c; i < std::min(c + W, count); ++i) {
        const C* row = offset(i);
        x(first + i, d) = static_cast<T>(row ? tile[d * columns + i] + row[d] : tile[d * columns + i]);
      }
  }
}
template <class C, class T>
inline void store_tile(const C* tile, std::int64_t columns, std::int64_t count, const HeadView<T>& x,
                       std::int64_t first) {
  store_tile(tile, columns, count, x, first, [](std::int64_t) -> const C* { return nullptr; });
}

/// A head's keys or values at every level, as rows of type C.
template <class T>
class LevelRows {
 public:
  using C = Accumulate<T>;
  LevelRows(const TensorView<const T>& fine, const Pyramid<C>& coarse, std::int64_t head, const Places& places = {})
      : fine_(fine.head(head)), head_(head), places_(places) {
    for (int l = 1; l <= coarse.levels(); ++l) coarse_.push_back(coarse.level(l).head(head));
  }
  Rows<C> rows(int level, std::int64_t first, std::int64_t count, C* scratch) const {
    return level == 0 ? rows_of<C>(fine_, places_.row(head_, first), count, scratch)
                      : rows_of<C>(coarse_[static_cast<std::size_t>(level - 1)], first, count, scratch);
  }
  void tile(int level, std::int64_t first, std::int64_t count, C factor, C* out, std::int64_t columns) const {
    if (level == 0)
      load_tile(fine_, places_.row(head_, first), count, factor, out, columns);
    else
      load_tile(coarse_[static_cast<std::size_t>(level - 1)], first, count, factor, out, columns);
  }
  std::int64_t dim() const { return fine_.dim; }

 private:
  HeadView<const T> fine_;
  std::int64_t head_;
  Places places_;
  std::vector<HeadView<const C>> coarse_;
};

/// `out[j][c] = <rows[j], tile[.][c]>` for pieces that follow one another; `out` has row stride `ldout`.
template <class C>
inline void pieces_times_tile(const std::vector<Rows<C>>& pieces, std::int64_t depth, const C* tile,
                              std::int64_t columns, int vectors, C* out, std::int64_t ldout) {
  for (const Rows<C>& rows : pieces) {
    rows_times_tile(rows, depth, tile, columns, vectors, out, ldout);
    out += rows.count * ldout;
  }
}

/// log2 of the key tokens' weights (spec section 4): log2 of the count with reweighting, else 0.
class LogWeights {
 public:
  explicit LogWeights(const ResolvedOptions& options) : levels_(static_cast<std::size_t>(options.levels) + 1) {
    for (int l = 1; l <= options.levels && options.reweight; ++l) {
      const std::int64_t last = options.key.length(l) - 1;
      const auto log_count = [&](std::int64_t c) { return std::log2(static_cast<double>(options.key.count(l, c))); };
      levels_[static_cast<std::size_t>(l)] = {last, log_count(0), log_count(last)};
    }
  }
  double operator()(int level, std::int64_t token) const {
    const Level& l = levels_[static_cast<std::size_t>(level)];
    return token == l.last ? l.tail : l.whole;
  }

 private:
  struct Level {
    std::int64_t last = 0;  // only the last token can stand for fewer fine tokens than the others
    double whole = 0, tail = 0;
  };
  std::vector<Level> levels_;
};

/// Inside the tiles scores are in base 2, so that exp(s) is 2^x without a multiplication: x = s * log2(e).
inline double base2_scale(const ResolvedOptions& options) { return options.scale * std::numbers::log2e; }

constexpr std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

}  // namespace llsa::reference

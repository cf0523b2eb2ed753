#pragma once

#include <cstddef>
#include <cstdint>

#include "reference/simd.hpp"

namespace llsa::reference {

/// The one matrix product behind every stage: a tile's rows stand in vector lanes ("columns" below), the other
/// operand's numbers are broadcast one at a time. Attention forward puts queries in the lanes and walks over keys;
/// the key-major backward puts keys in the lanes and walks over queries. Nothing is transposed but the tile itself, the
/// softmax needs no horizontal step, and a lane's sums do not depend on what stands in other lanes.

/// `count` rows of numbers with unit stride inside a row.
template <class C>
struct Rows {
  const C* data = nullptr;
  std::ptrdiff_t stride = 0;
  std::int64_t count = 0;
};

namespace detail {

// The two blocks are functions of their own so that their pointers keep their registers whatever surrounds the call.

/// out[r][v] = sum_k rows[r][k] * x[k][v] for R rows and V vectors, k ascending; with `Add` that is added to out.
template <int R, int V, bool Add, class C>
[[gnu::noinline]] void dot_block(const Rows<C>& a, std::int64_t first, std::int64_t depth, const C* x, std::int64_t ldx,
                                 C* out, std::int64_t ldout) {
  constexpr int W = lanes<C>;
  // One moving pointer for every three rows: base, base + stride and base + 2 * stride are addressing modes, so that
  // eight rows need three registers and no reloads.
  constexpr int G = (R + 2) / 3;
  const std::ptrdiff_t stride = a.stride;
  const C* row[G];
  Vector<C> sum[R][V];
#pragma GCC unroll 4
  for (int g = 0; g < G; ++g) row[g] = a.data + (first + 3 * g) * stride;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[r][v] = Vector<C>{};
  for (std::int64_t k = 0; k < depth; ++k, x += ldx) {
    Vector<C> xs[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) xs[v] = load(x + v * W);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const C scalar = row[r / 3][r % 3 * stride];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[r][v] += scalar * xs[v];
    }
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) {
      ++row[g];
      asm("" : "+r"(row[g]));  // keeps the compiler from giving every row a pointer of its own again
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      C* place = out + (first + r) * ldout + v * W;
      store(place, Add ? load(place) + sum[r][v] : sum[r][v]);
    }
}

/// out[m][v] += sum over all pieces' rows j of pieces[j][m] * x[j][v] for R columns m and V vectors, j ascending.
template <int R, int V, class C>
[[gnu::noinline]] void outer_block(const Rows<C>* pieces, std::size_t piece_count, std::int64_t first, const C* x,
                                   std::int64_t ldx, C* out, std::int64_t ldout, const Mask<C>* masks) {
  constexpr int W = lanes<C>;
  Vector<C> sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[r][v] = Vector<C>{};
  for (std::size_t piece = 0; piece < piece_count; ++piece) {
    const C* row = pieces[piece].data + first;
    for (std::int64_t j = 0; j < pieces[piece].count; ++j, row += pieces[piece].stride, x += ldx) {
      Vector<C> xs[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) xs[v] = load(x + v * W);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const C scalar = row[r];
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) sum[r][v] += scalar * xs[v];
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      C* place = out + (first + r) * ldout + v * W;
      const Vector<C> before = load(place), after = before + sum[r][v];
      store(place, masks ? (masks[v] ? after : before) : after);
    }
}

template <int V, bool Add, class C>
inline void dot_columns(const Rows<C>& a, std::int64_t depth, const C* x, std::int64_t ldx, C* out,
                        std::int64_t ldout) {
  std::int64_t r = 0;
  for (; r + 8 <= a.count; r += 8) dot_block<8, V, Add>(a, r, depth, x, ldx, out, ldout);
  for (; r + 4 <= a.count; r += 4) dot_block<4, V, Add>(a, r, depth, x, ldx, out, ldout);
  for (; r < a.count; ++r) dot_block<1, V, Add>(a, r, depth, x, ldx, out, ldout);
}

template <bool Add, class C>
inline void dot_tile(const Rows<C>& a, std::int64_t depth, const C* x, std::int64_t ldx, int vectors, C* out,
                     std::int64_t ldout) {
  int v = 0;
  for (; v + 2 <= vectors; v += 2) dot_columns<2, Add>(a, depth, x + v * lanes<C>, ldx, out + v * lanes<C>, ldout);
  if (v < vectors) dot_columns<1, Add>(a, depth, x + v * lanes<C>, ldx, out + v * lanes<C>, ldout);
}

template <int V, class C>
inline void outer_columns(const Rows<C>* pieces, std::size_t piece_count, std::int64_t width, const C* x,
                          std::int64_t ldx, C* out, std::int64_t ldout, const Mask<C>* masks) {
  constexpr int R = V == 1 ? 16 : 8;
  std::int64_t m = 0;
  for (; m + R <= width; m += R) outer_block<R, V>(pieces, piece_count, m, x, ldx, out, ldout, masks);
  for (; m + 4 <= width; m += 4) outer_block<4, V>(pieces, piece_count, m, x, ldx, out, ldout, masks);
  for (; m < width; ++m) outer_block<1, V>(pieces, piece_count, m, x, ldx, out, ldout, masks);
}

}  // namespace detail

/// `out[j][c] = sum_k a[j][k] * x[k][c]` for every row j of `a`, `vectors` vectors of columns c; overwrites.
/// `x` is `[depth, ldx]`, `out` is `[a.count, ldout]`. Every element is one chain of multiply-adds with k ascending, so
/// equal rows give bitwise equal results wherever they stand.
template <class C>
inline void rows_times_tile(const Rows<C>& a, std::int64_t depth, const C* x, std::int64_t ldx, int vectors, C* out,
                            std::int64_t ldout) {
  detail::dot_tile<false>(a, depth, x, ldx, vectors, out, ldout);
}

/// The same, added to `out`.
template <class C>
inline void add_rows_times_tile(const Rows<C>& a, std::int64_t depth, const C* x, std::int64_t ldx, int vectors, C* out,
                                std::int64_t ldout) {
  detail::dot_tile<true>(a, depth, x, ldx, vectors, out, ldout);
}

/// `out[m][c] += sum_j a[j][m] * x[j][c]` where j runs over the rows of all `pieces` one after the other; accumulates.
/// `x` has one row per j, `out` is `[width, ldout]`. With `masks` (one per vector) only the lanes set there are
/// written, so that a row which a lane does not attend to cannot reach it, not even as 0 * NaN. Each call sums from
/// zero before it adds to `out`, which keeps the rounding error that of a chunk's length, not of the whole sequence's.
template <class C>
inline void rows_transposed_times_tile(const Rows<C>* pieces, std::size_t piece_count, std::int64_t width, const C* x,
                                       std::int64_t ldx, int vectors, C* out, std::int64_t ldout,
                                       const Mask<C>* masks) {
  int v = 0;
  for (; v + 2 <= vectors; v += 2)
    detail::outer_columns<2>(pieces, piece_count, width, x + v * lanes<C>, ldx, out + v * lanes<C>, ldout,
                             masks ? masks + v : nullptr);
  if (v < vectors)
    detail::outer_columns<1>(pieces, piece_count, width, x + v * lanes<C>, ldx, out + v * lanes<C>, ldout,
                             masks ? masks + v : nullptr);
}

}  // namespace llsa::reference

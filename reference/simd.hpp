#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

namespace llsa::reference {

/// Vectors of the widest registers this build may use, through the compilers' vector extension: plain operators, one
/// rounding per operation in every lane, so that a lane's result does not depend on its neighbours.
#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

template <class C>
struct VectorOf {
  typedef C type __attribute__((vector_size(vector_bytes)));
};
template <class C>
using Vector = typename VectorOf<C>::type;

/// Lanes of `Vector<C>`; buffers that vectors walk over are padded to a multiple of it.
template <class C>
inline constexpr int lanes = vector_bytes / static_cast<int>(sizeof(C));

template <class C>
using LaneInt = std::conditional_t<sizeof(C) == 8, std::int64_t, std::int32_t>;
/// The type of a lane-wise comparison: all bits set where it holds.
template <class C>
using Mask = Vector<LaneInt<C>>;

template <class C>
inline Vector<C> load(const C* p) {
  Vector<C> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class C>
inline void store(C* p, Vector<C> v) {
  std::memcpy(p, &v, sizeof v);
}

template <class C>
inline Vector<C> broadcast(C x) {
  return x - Vector<C>{};
}

/// Lanes whose column `first_column + lane` lies in `[begin, end)`.
template <class C>
inline Mask<C> lanes_between(std::int64_t first_column, std::int64_t begin, std::int64_t end) {
  Mask<C> mask;
  for (int i = 0; i < lanes<C>; ++i) mask[i] = first_column + i >= begin && first_column + i < end ? -1 : 0;
  return mask;
}

namespace detail {

/// Lane i of the result is a[i / 2 + offset] for even i and b[i / 2 + offset] for odd i.
template <class C, int offset, std::size_t... i>
inline Vector<C> interleave(Vector<C> a, Vector<C> b, std::index_sequence<i...>) {
  return __builtin_shufflevector(a, b, (static_cast<int>(i / 2) + offset + (i % 2 ? lanes<C> : 0))...);
}

}  // namespace detail

/// Transposes `lanes` vectors in place: log2(lanes) perfect shuffles of the upper with the lower half.
template <class C>
inline void transpose_vectors(Vector<C> (&rows)[lanes<C>]) {
  constexpr int W = lanes<C>;
  constexpr auto all = std::make_index_sequence<W>{};
  Vector<C> next[W];
  for (int round = 1; round < W; round *= 2) {
#pragma GCC unroll 16
    for (int i = 0; i < W / 2; ++i) {
      next[2 * i] = detail::interleave<C, 0>(rows[i], rows[i + W / 2], all);
      next[2 * i + 1] = detail::interleave<C, W / 2>(rows[i], rows[i + W / 2], all);
    }
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) rows[i] = next[i];
  }
}

/// 2^x for x <= 0 (the softmax's arguments after the maximum was subtracted; small positive values are fine too).
/// NaN stays NaN, -inf gives 0. Relative error below 2 units in the last place; results below the smallest normal
/// number are 0. float only: x = n + f with |f| <= 1/2, 2^f by a polynomial, 2^n by the exponent's bits.
inline Vector<float> exp2(Vector<float> x) {
  const float rounder = 12582912.0f;  // 1.5 * 2^23: adding it leaves the rounded integer in the low bits
  const Vector<float> biased = x + rounder;
  const Vector<float> f = x - (biased - rounder);
  Vector<float> p = f * 1.546144747e-4f + 1.339086735e-3f;
  p = p * f + 9.618056670e-3f;
  p = p * f + 5.550357104e-2f;
  p = p * f + 2.402265092e-1f;
  p = p * f + 6.931471880e-1f;
  p = p * f + 1.0f;
  // Unsigned, because the sum wraps around where x is below -126 and the result is thrown away.
  const auto exponent = reinterpret_cast<Vector<std::uint32_t>>(biased) << 23;
  const auto scaled = reinterpret_cast<Vector<float>>(reinterpret_cast<Vector<std::uint32_t>>(p) + exponent);
  // A NaN fails both comparisons and passes through as NaN.
  const Vector<float> finite = x < -126.0f ? Vector<float>{} : scaled;
  return x != x ? x : finite;
}

/// The double version takes the library's function lane by lane: it serves accuracy, not speed.
inline Vector<double> exp2(Vector<double> x) {
  for (int i = 0; i < lanes<double>; ++i) x[i] = __builtin_exp2(x[i]);
  return x;
}

}  // namespace llsa::reference

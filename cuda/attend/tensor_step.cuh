#pragma once

#include "cuda/mma/ldmatrix.cuh"

// One step of a tensor-core kernel: a warp's 16 rows against 16 rows of a tile in shared memory.
namespace llsa::cuda::inline LLSA_WORLD {

/// The dimensions that tiles in shared memory are filled up to with zeros: the smallest that holds D and Dv. Few,
/// because every kernel exists once for each.
template <class Run>
void with_tensor_dim(int dim, Run&& run) {
  if (dim <= 32) return run(std::integral_constant<int, 32>{});
  if (dim <= 64) return run(std::integral_constant<int, 64>{});
  if (dim <= 96) return run(std::integral_constant<int, 96>{});
  if (dim <= 128) return run(std::integral_constant<int, 128>{});
  if (dim <= 192) return run(std::integral_constant<int, 192>{});
  run(std::integral_constant<int, 256>{});
}

/// Elements from one row of a tile in shared memory to the next: eight rows lie in different banks.
template <int dim>
inline constexpr int tensor_pitch = dim + 8;

inline constexpr unsigned sixteen = 0xffffu;  ///< a bit for each row or column of a step

/// Which column element `i` of two neighbouring C fragments belongs to; its row is lane / 4, or 8 more if `i / 2 % 2`.
__device__ inline int step_column(int i, int lane) { return 8 * (i / 4) + 2 * (lane % 4) + i % 2; }

/// 16 key slots of one level, as the warp that multiplies them sees them. In one word, because registers are short.
struct KeyStep {
  unsigned bits = 0;
  float weight = 0;  ///< log2 of a key's weight; the level's last token has one of its own

  /// Bit j of `kept`: slot j holds a key that the warp's rows `first_row..end_row - 1` attend to. `last` is the slot of
  /// the level's last token, 16 if it is not here.
  __device__ KeyStep(unsigned kept, int last, int first_row, int end_row)
      : bits(kept | static_cast<unsigned>(last) << 16 | static_cast<unsigned>(first_row) << 21 |
             static_cast<unsigned>(end_row) << 25) {}
  KeyStep() = default;

  __device__ unsigned kept() const { return bits & sixteen; }
  __device__ int last() const { return static_cast<int>(bits >> 16 & 31u); }
  __device__ bool whole() const { return bits == (sixteen | 16u << 16 | 16u << 25); }
  __device__ bool has_key(int j) const { return bits >> j & 1u; }
  /// Row lane / 4, or with `lower` row lane / 4 + 8.
  __device__ bool has_row(int lower, int lane) const {
    const unsigned row = static_cast<unsigned>(lane / 4 + 8 * lower);
    return row >= (bits >> 21 & 15u) && row < bits >> 25;
  }
  /// Whether element `i` of two neighbouring C fragments is a key that its row attends to.
  __device__ bool has(int i, int lane) const { return has_key(step_column(i, lane)) && has_row(i / 2 % 2, lane); }

  /// Turns a warp's dot products into scores in base 2 with weights, -inf where a row does not attend to a key.
  /// `last_weight()` is the weight of the level's last token.
  template <class LastWeight>
  __device__ __forceinline__ void score(FragmentC (&dots)[2], float scale, int lane, LastWeight last_weight) const {
    if (whole()) {
#pragma unroll
      for (int i = 0; i < 8; ++i) dots[i / 4].value[i % 4] = dots[i / 4].value[i % 4] * scale + weight;
      return;
    }
    const float other = last() < 16 ? last_weight() : weight;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      float& dot = dots[i / 4].value[i % 4];
      dot = has(i, lane) ? dot * scale + (step_column(i, lane) == last() ? other : weight) : -INFINITY;
    }
  }
};

/// A warp's 16 rows as A fragments that stay in registers.
template <int dim>
struct RegisterRows {
  FragmentA fragment[dim / 16];
  __device__ const FragmentA& at(int k, int) const { return fragment[k]; }
};

/// Rows of a [rows, row_dim] tensor as A fragments, zero from `count` and from `row_dim` on.
template <class T, int dim>
__device__ void load_register_rows(RegisterRows<dim>& rows, const T* d_rows, int count, int row_dim, int lane) {
#pragma unroll
  for (int k = 0; k < dim / 16; ++k)
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + 8 * (i % 2), d = 16 * k + 2 * (lane % 4) + 8 * (i / 2);
      rows.fragment[k].word[i] = row < count && d < row_dim
                                     ? *reinterpret_cast<const std::uint32_t*>(d_rows + std::int64_t{row} * row_dim + d)
                                     : 0u;
    }
}

/// Writes the first `count` rows of C fragments to the dimensions from `first_dim` on of a [rows, row_dim] tensor, row
/// r times `factor[r / 8]`, which is that of the lane's row.
template <class T, int fragments>
__device__ void store_register_rows(T* d_rows, int count, int row_dim, int first_dim,
                                    const FragmentC (&rows)[fragments], const float (&factor)[2], int lane) {
#pragma unroll
  for (int lower = 0; lower < 2; ++lower) {
    const int row = lane / 4 + 8 * lower;
    if (row >= count) continue;
    T* d_row = d_rows + std::int64_t{row} * row_dim + first_dim + 2 * (lane % 4);
#pragma unroll
    for (int n = 0; n < fragments; ++n)
      if (first_dim + 8 * n < row_dim)
        *reinterpret_cast<std::uint32_t*>(d_row + 8 * n) =
            pack<T>(rows[n].value[2 * lower] * factor[lower], rows[n].value[2 * lower + 1] * factor[lower]);
  }
}

/// A warp's 16 rows in shared memory, loaded anew for every step: where registers are short.
template <class T, int dim>
struct SharedRows {
  const T* rows;
  __device__ FragmentA at(int k, int lane) const { return load_a(rows + 16 * k, tensor_pitch<dim>, lane); }
};

/// Adds the dot products of a warp's 16 rows with 16 tokens of a tile in shared memory.
template <class T, int dim, class Rows>
__device__ __forceinline__ void add_tensor_dots(FragmentC (&out)[2], const Rows& rows, const T* tokens, int lane) {
#pragma unroll
  for (int k = 0; k < dim / 16; ++k) {
    const FragmentA a = rows.at(k, lane);
    FragmentB b[2];
    load_b_transposed(b, tokens + 16 * k, tensor_pitch<dim>, lane);
    mma<T>(out[0], a, b[0]);
    mma<T>(out[1], a, b[1]);
  }
}

template <class T, int dim, class Rows>
__device__ __forceinline__ void tensor_dots(FragmentC (&out)[2], const Rows& rows, const T* tokens, int lane) {
  out[0] = out[1] = FragmentC{};
  add_tensor_dots<T, dim>(out, rows, tokens, lane);
}

/// The dot products of a warp's 16 rows with 16 tokens of a tile, on top of `start`.
template <class T, int dim, class Rows>
__device__ __forceinline__ void tensor_dots(FragmentC (&out)[2], const Rows& rows, const T* tokens,
                                            const LaneRows& lanes, const FragmentC (&start)[2]) {
#pragma unroll
  for (int k = 0; k < dim / 16; ++k) {
    FragmentB b[2];
    load_b_transposed(b, tokens + 16 * k, lanes);
    const FragmentA a = rows.at(k, lanes.lane);
#pragma unroll
    for (int i = 0; i < 2; ++i) mma<T>(out[i], a, b[i], k == 0 ? start[i] : out[i]);
  }
}

/// Clears the halves of a B fragment that belong to tokens (rows) not in `kept`: 0 times a NaN is not 0.
__device__ inline void keep_tokens(FragmentB& b, unsigned kept, int lane) {
  const unsigned mine = kept >> 2 * (lane % 4);
  for (int i = 0; i < 2; ++i) {
    const unsigned bits = mine >> 8 * i;
    b.word[i] &= (bits & 1u ? 0xffffu : 0u) | (bits & 2u ? 0xffff0000u : 0u);
  }
}

/// Which tokens and rows a sum is over. Others are left alone whatever the tokens hold, and whatever their factors are.
struct SumOf {
  unsigned tokens = sixteen;
  bool upper = true, lower = true;  ///< this lane's rows lane / 4 and lane / 4 + 8
  bool whole = true;                ///< all of them; the same in every lane
};

/// Adds the sums of 16 tokens of a tile, times a warp's 16 rows of factors (P or dS): dimensions 0..`dim` - 1 from
/// `tokens`.
template <class T, int dim, int pitch>
__device__ __forceinline__ void tensor_sums(FragmentC (&sums)[dim / 8], const FragmentA& factors, const T* tokens,
                                            const SumOf& of, int lane) {
  if (of.whole) {
#pragma unroll
    for (int n = 0; n < dim / 16; ++n) {
      FragmentB b[2];
      load_b(b, tokens + 16 * n, pitch, lane);
      mma<T>(sums[2 * n], factors, b[0]);
      mma<T>(sums[2 * n + 1], factors, b[1]);
    }
    return;
  }
#pragma unroll
  for (int n = 0; n < dim / 16; ++n) {
    FragmentB b[2];
    load_b(b, tokens + 16 * n, pitch, lane);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      keep_tokens(b[i], of.tokens, lane);
      FragmentC next = sums[2 * n + i];
      mma<T>(next, factors, b[i]);
#pragma unroll
      for (int j = 0; j < 4; ++j)
        if (j < 2 ? of.upper : of.lower) sums[2 * n + i].value[j] = next.value[j];
    }
  }
}

/// The same of all 16 tokens for all rows.
template <class T, int dim>
__device__ __forceinline__ void tensor_sums(FragmentC (&sums)[dim / 8], const FragmentA& factors, const T* tokens,
                                            const LaneRows& lanes) {
#pragma unroll
  for (int n = 0; n < dim / 16; ++n) {
    FragmentB b[2];
    load_b(b, tokens + 16 * n, lanes);
    mma<T>(sums[2 * n], factors, b[0]);
    mma<T>(sums[2 * n + 1], factors, b[1]);
  }
}

}  // namespace llsa::cuda::inline LLSA_WORLD

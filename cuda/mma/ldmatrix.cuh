#pragma once

#include "cuda/mma/mma.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

/// Stores 8 elements of two bytes for `ldmatrix` to read, after a barrier or, within the warp, `__syncwarp`. On the CPU
/// the executor remembers who stored them, which it cannot for plain stores.
template <class T>
__device__ __forceinline__ void store_for_ldmatrix(T* shared, const Eight<T>& piece) {
  static_assert(sizeof(T) == 2);
#if defined(LLSA_SIMT)
  simt::stores(shared);
  simt::stores(shared + 4);
#endif
  *reinterpret_cast<Eight<T>*>(shared) = piece;
}

/// `ldmatrix.sync.aligned.m8n8.x4`: four 8 x 8 matrices of two-byte elements from shared memory. Lane i gives the
/// address of row i % 8 of matrix i / 8: 8 elements, 16-byte aligned. Of matrix m every lane receives in word m the
/// elements (lane / 4, 2 (lane % 4)) and the next to its right; with `transposed` those of the transposed matrix. All
/// lanes read all rows: who wrote them must have synchronised with the warp.
template <bool transposed, class T>
__device__ __forceinline__ void ldmatrix(std::uint32_t (&words)[4], const T* row) {
  static_assert(sizeof(T) == 2);
#if defined(LLSA_SIMT)
  if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0) simt::fail("ldmatrix reads a row that is not 16-byte aligned");
  struct Payload {
    const T* row;
    std::uint32_t words[4];
  } mine{row, {}};
  simt::warp_collective("ldmatrix", 0xffffffffu, mine, [](Payload* const* lanes) {
    for (int lane = 0; lane < 32; ++lane)
      for (const int half_row : {0, 4}) simt::warp_reads(lanes[lane]->row + half_row);
    for (int lane = 0; lane < 32; ++lane)
      for (int matrix = 0; matrix < 4; ++matrix) {
        const auto element = [&](int r, int c) { return std::uint32_t{lanes[8 * matrix + r]->row[c].bits}; };
        const int r = lane / 4, c = 2 * (lane % 4);
        lanes[lane]->words[matrix] =
            transposed ? element(c, r) | element(c + 1, r) << 16 : element(r, c) | element(r, c + 1) << 16;
      }
  });
  for (int i = 0; i < 4; ++i) words[i] = mine.words[i];
#else
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  if constexpr (transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(address)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(address)
                 : "memory");
  }
#endif
}

/// Where a lane's row of the four matrices begins in a tile, in elements, for the loads below: worked out once, and
/// kept in registers where the compiler would work it out in every step. `keeps_along` false: that one is worked out,
/// where registers are short.
struct LaneRows {
  int along;   ///< of `load_b`
  int across;  ///< of `load_b_transposed`
  int lane;

  __device__ LaneRows(int pitch, int lane_, bool keeps_along = true)
      : along((lane_ % 16) * pitch + lane_ / 16 * 8),
        across(kept((lane_ % 8 + lane_ / 16 * 8) * pitch + lane_ / 8 % 2 * 8)),
        lane(lane_) {
    if (keeps_along) along = kept(along);
  }

 private:
  __device__ static int kept(int value) {
#if !defined(LLSA_SIMT)
    asm volatile("mov.u32 %0, %0;" : "+r"(value));
#endif
    return value;
  }
};

/// Rows 0..15, columns 0..15 of the row-major matrix at `tile` as an A fragment.
template <class T>
__device__ __forceinline__ FragmentA load_a(const T* tile, int pitch, int lane) {
  FragmentA a;
  ldmatrix<false>(a.word, tile + (lane % 16) * pitch + lane / 16 * 8);
  return a;
}

/// The B fragments of X^T for 16 rows (tokens) and 16 columns (dimensions) of the row-major X at `tile`: the products
/// `a b[0]`, `a b[1]` are dot products with tokens 0..7 and 8..15.
template <class T>
__device__ __forceinline__ void load_b_transposed(FragmentB (&b)[2], const T* tile, int pitch, int lane) {
  std::uint32_t words[4];
  ldmatrix<false>(words, tile + (lane % 8 + lane / 16 * 8) * pitch + lane / 8 % 2 * 8);
  b[0] = {{words[0], words[1]}};
  b[1] = {{words[2], words[3]}};
}
template <class T>
__device__ __forceinline__ void load_b_transposed(FragmentB (&b)[2], const T* tile, const LaneRows& rows) {
  std::uint32_t words[4];
  ldmatrix<false>(words, tile + rows.across);
  b[0] = {{words[0], words[1]}};
  b[1] = {{words[2], words[3]}};
}

/// The B fragments of X itself: the products `a b[0]`, `a b[1]` are weighted sums of 16 tokens, dimensions 0..7
/// and 8..15.
template <class T>
__device__ __forceinline__ void load_b(FragmentB (&b)[2], const T* tile, int pitch, int lane) {
  std::uint32_t words[4];
  ldmatrix<true>(words, tile + (lane % 16) * pitch + lane / 16 * 8);
  b[0] = {{words[0], words[1]}};
  b[1] = {{words[2], words[3]}};
}
template <class T>
__device__ __forceinline__ void load_b(FragmentB (&b)[2], const T* tile, const LaneRows& rows) {
  std::uint32_t words[4];
  ldmatrix<true>(words, tile + rows.along);
  b[0] = {{words[0], words[1]}};
  b[1] = {{words[2], words[3]}};
}

}  // namespace llsa::cuda::inline LLSA_WORLD

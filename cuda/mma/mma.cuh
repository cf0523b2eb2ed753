#pragma once

#include "cuda/mma/words.cuh"

namespace llsa::cuda::inline LLSA_WORLD {

// Fragments of `mma.sync.m16n8k16` (PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type"). With
// g = lane / 4 and t = lane % 4, a lane holds
//   A [16, 16]: word 0 = (g, 2t), (g, 2t+1); word 1 = row g+8 of these; words 2, 3 = columns + 8
//   B [16, 8]:  word 0 = (2t, g), (2t+1, g); word 1 = rows + 8
//   C [16, 8]:  (g, 2t), (g, 2t+1), (g+8, 2t), (g+8, 2t+1)
struct FragmentA {
  std::uint32_t word[4];
};
struct FragmentB {
  std::uint32_t word[2];
};
struct FragmentC {
  float value[4];
};

/// `c += a b` for the 32 lanes of a warp together; T is half or bfloat16, sums are fp32. Two C fragments that lie side
/// by side, packed to T, are the A fragment of the next product: see `as_a`.
template <class T>
__device__ __forceinline__ void mma(FragmentC& c, const FragmentA& a, const FragmentB& b) {
#if defined(LLSA_SIMT)
  // The twin: the documented places gathered into whole matrices, multiplied, and scattered back.
  struct Payload {
    FragmentA a;
    FragmentB b;
    FragmentC c;
  } mine{a, b, c};
  simt::warp_collective("mma", 0xffffffffu, mine, [](Payload* const* lanes) {
    float left[16][16], right[16][8];
    for (int lane = 0; lane < 32; ++lane) {
      const int g = lane / 4, t = lane % 4;
      for (int i = 0; i < 8; ++i)
        left[g + 8 * (i / 2 % 2)][2 * t + i % 2 + 8 * (i / 4)] = unpack<T>(lanes[lane]->a.word[i / 2], i % 2);
      for (int i = 0; i < 4; ++i) right[2 * t + i % 2 + 8 * (i / 2)][g] = unpack<T>(lanes[lane]->b.word[i / 2], i % 2);
    }
    for (int lane = 0; lane < 32; ++lane) {
      const int g = lane / 4, t = lane % 4;
      for (int i = 0; i < 4; ++i) {
        float sum = 0;
        for (int k = 0; k < 16; ++k) sum += left[g + 8 * (i / 2)][k] * right[k][2 * t + i % 2];
        lanes[lane]->c.value[i] += sum;
      }
    }
  });
  c = mine.c;
#else
  if constexpr (std::is_same_v<T, half>) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c.value[0]), "+f"(c.value[1]), "+f"(c.value[2]), "+f"(c.value[3])
        : "r"(a.word[0]), "r"(a.word[1]), "r"(a.word[2]), "r"(a.word[3]), "r"(b.word[0]), "r"(b.word[1]));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c.value[0]), "+f"(c.value[1]), "+f"(c.value[2]), "+f"(c.value[3])
        : "r"(a.word[0]), "r"(a.word[1]), "r"(a.word[2]), "r"(a.word[3]), "r"(b.word[0]), "r"(b.word[1]));
  }
#endif
}

/// `d = a b + c`; the registers of `c` stay as they are.
template <class T>
__device__ __forceinline__ void mma(FragmentC& d, const FragmentA& a, const FragmentB& b, const FragmentC& c) {
#if defined(LLSA_SIMT)
  d = c;
  mma<T>(d, a, b);
#else
  if constexpr (std::is_same_v<T, half>) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%10, %11, %12, %13};"
        : "=f"(d.value[0]), "=f"(d.value[1]), "=f"(d.value[2]), "=f"(d.value[3])
        : "r"(a.word[0]), "r"(a.word[1]), "r"(a.word[2]), "r"(a.word[3]), "r"(b.word[0]), "r"(b.word[1]),
          "f"(c.value[0]), "f"(c.value[1]), "f"(c.value[2]), "f"(c.value[3]));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%10, %11, %12, %13};"
        : "=f"(d.value[0]), "=f"(d.value[1]), "=f"(d.value[2]), "=f"(d.value[3])
        : "r"(a.word[0]), "r"(a.word[1]), "r"(a.word[2]), "r"(a.word[3]), "r"(b.word[0]), "r"(b.word[1]),
          "f"(c.value[0]), "f"(c.value[1]), "f"(c.value[2]), "f"(c.value[3]));
  }
#endif
}

/// The C fragments of columns 0..7 and 8..15, rounded to T, as the A fragment of a 16 x 16 matrix.
template <class T>
__device__ __forceinline__ FragmentA as_a(const FragmentC& left, const FragmentC& right) {
  return {{pack<T>(left.value[0], left.value[1]), pack<T>(left.value[2], left.value[3]),
           pack<T>(right.value[0], right.value[1]), pack<T>(right.value[2], right.value[3])}};
}

}  // namespace llsa::cuda::inline LLSA_WORLD

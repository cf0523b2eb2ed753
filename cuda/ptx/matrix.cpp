#include "cuda/ptx/matrix.hpp"

#include <cmath>

#include "cuda/ptx/access.hpp"
#include "cuda/ptx/half.hpp"

namespace llsa::ptx {
namespace {

// Which element of a matrix each lane's registers hold: NVIDIA's CuTe gives it as strides, in
// CUTLASS's mma_traits_sm80, MMA_Traits<SM80_16x8x16_F16F16F16F16_TN> (the bf16 and fp32 ones inherit it).
// A lane is (lane % 4, lane / 4), a value's number is split into bits; the sum of products with the strides is the
// element's place in a column-major matrix: m + 16 k for A, n + 8 k for B, m + 16 n for C and D. The PTX ISA shows the
// same in "Matrix Fragments for mma.m16n8k16".
constexpr std::uint32_t place_a(std::uint32_t lane, std::uint32_t v) {
  return 32 * (lane % 4) + lane / 4 + 16 * (v % 2) + 8 * (v / 2 % 2) + 128 * (v / 4);
}
constexpr std::uint32_t place_b(std::uint32_t lane, std::uint32_t v) {
  return 16 * (lane % 4) + lane / 4 + 8 * (v % 2) + 64 * (v / 2);
}
constexpr std::uint32_t place_c(std::uint32_t lane, std::uint32_t v) {
  return 32 * (lane % 4) + lane / 4 + 16 * (v % 2) + 8 * (v / 2);
}

float canonical(float x) { return x != x ? std::bit_cast<float>(0x7fffffffu) : x; }

/// One column of D from A (column-major, 16 x 16) and a column of B.
void multiply_column(const float (&a)[256], const float (&b)[16], float (&c)[16], SumOrder order) {
  switch (order) {
    case SumOrder::ascending:
      for (int k = 0; k < 16; ++k)
        for (int m = 0; m < 16; ++m) c[m] = a[16 * k + m] * b[k] + c[m];
      break;
    case SumOrder::descending:
      for (int k = 15; k >= 0; --k)
        for (int m = 0; m < 16; ++m) c[m] = a[16 * k + m] * b[k] + c[m];
      break;
    case SumOrder::pairs:
      for (int m = 0; m < 16; ++m) {
        float p[16];
        for (int k = 0; k < 16; ++k) p[k] = a[16 * k + m] * b[k];
        for (int width = 8; width; width /= 2)
          for (int k = 0; k < width; ++k) p[k] += p[k + width];
        c[m] += p[0];
      }
      break;
    case SumOrder::exact:
      for (int m = 0; m < 16; ++m) {
        double sum = c[m];
        for (int k = 0; k < 16; ++k) sum += static_cast<double>(a[16 * k + m]) * static_cast<double>(b[k]);
        c[m] = static_cast<float>(sum);
      }
      break;
  }
}

template <float (*to_float)(std::uint16_t)>
void multiply(Warp& warp, const Instruction& instruction) {
  float a[256], b[8][16], c[8][16];
  for (std::uint32_t word = 0; word < 4; ++word) {
    const std::uint32_t* cells = warp.cells<std::uint32_t>(instruction.slot[4 + word]);
    for (std::uint32_t lane = 0; lane < 32; ++lane) {
      a[place_a(lane, 2 * word)] = to_float(static_cast<std::uint16_t>(cells[lane]));
      a[place_a(lane, 2 * word + 1)] = to_float(static_cast<std::uint16_t>(cells[lane] >> 16));
    }
  }
  for (std::uint32_t word = 0; word < 2; ++word) {
    const std::uint32_t* cells = warp.cells<std::uint32_t>(instruction.slot[8 + word]);
    for (std::uint32_t lane = 0; lane < 32; ++lane)
      for (std::uint32_t half = 0; half < 2; ++half) {
        const std::uint32_t place = place_b(lane, 2 * word + half);
        b[place % 8][place / 8] = to_float(static_cast<std::uint16_t>(cells[lane] >> 16 * half));
      }
  }
  for (std::uint32_t v = 0; v < 4; ++v) {
    const std::uint32_t* cells = warp.cells<std::uint32_t>(instruction.slot[10 + v]);
    for (std::uint32_t lane = 0; lane < 32; ++lane) {
      const std::uint32_t place = place_c(lane, v);
      c[place / 16][place % 16] = std::bit_cast<float>(cells[lane]);
    }
  }
  const SumOrder order = warp.block().settings().sums;
  for (int n = 0; n < 8; ++n) multiply_column(a, b[n], c[n], order);
  for (std::uint32_t v = 0; v < 4; ++v) {
    std::uint32_t* cells = warp.cells<std::uint32_t>(instruction.slot[v]);
    for (std::uint32_t lane = 0; lane < 32; ++lane) {
      const std::uint32_t place = place_c(lane, v);
      cells[lane] = std::bit_cast<std::uint32_t>(canonical(c[place / 16][place % 16]));
    }
  }
}

// ldmatrix: CUTLASS's copy_traits_sm75. The source is 32 rows of 128 bits, one from each lane's address.
// SM75_U32x4_LDSM_N: bit 32 lane + 1024 register of the source begins the lane's register, so word lane % 4 of row
// lane / 4 of matrix `register`. SM75_U16x8_LDSM_T: element 2 (register) + h of lane (l0 = lane % 4, l1 = lane / 4)
// begins at bit 256 l0 + 16 l1 + 128 h + 1024 register: column l1 of row 2 l0 + h.
template <bool transposed>
void load(Warp& warp, const Instruction& instruction) {
  Block& block = warp.block();
  std::uint64_t addresses[32];
  addresses_of(warp, instruction, instruction.detail & wide_address, addresses);
  const std::uint32_t matrices = instruction.count;
  const bool check = block.settings().check;
  std::uint32_t words[4][32] = {};
  for (std::uint32_t row = 0; row < 8 * matrices; ++row) {
    const std::uint32_t offset = shared_offset(block, addresses[row] & ~generic_shared, 16, row);
    std::uint32_t source[4];
    std::memcpy(source, block.shared().data() + offset, 16);
    const std::uint32_t matrix = row / 8, r = row % 8;
    for (std::uint32_t w = 0; w < 4; ++w) {
      Shadow& shadow = block.shared_shadow(offset + 4 * w);
      if constexpr (transposed) {
        for (std::uint32_t h = 0; h < 2; ++h) {
          const std::uint32_t lane = 4 * (2 * w + h) + r / 2;
          words[matrix][lane] |= (source[w] >> 16 * h & 0xffffu) << 16 * (r % 2);
          if (check) touch_read<false>(shadow, block.clock, {warp.index(), lane}, 3u << 2 * h);
        }
      } else {
        const std::uint32_t lane = 4 * r + w;
        words[matrix][lane] = source[w];
        if (check) touch_read<false>(shadow, block.clock, {warp.index(), lane}, 15);
      }
    }
  }
  for (std::uint32_t matrix = 0; matrix < matrices; ++matrix)
    std::memcpy(warp.cells<std::uint32_t>(instruction.slot[matrix]), words[matrix], sizeof words[matrix]);
  count_access<Space::shared>(block, addresses, static_cast<std::uint32_t>((std::uint64_t{1} << 8 * matrices) - 1), 16);
}

}  // namespace

void multiply_half(Warp& warp, const Instruction& instruction, std::uint32_t) {
  multiply<half_to_float>(warp, instruction);
}
void multiply_bf16(Warp& warp, const Instruction& instruction, std::uint32_t) {
  multiply<bf16_to_float>(warp, instruction);
}
void load_matrices(Warp& warp, const Instruction& instruction, std::uint32_t) { load<false>(warp, instruction); }
void load_matrices_transposed(Warp& warp, const Instruction& instruction, std::uint32_t) {
  load<true>(warp, instruction);
}

}  // namespace llsa::ptx

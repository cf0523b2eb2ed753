#pragma once

#include "cuda/ptx/warp.hpp"

namespace llsa::ptx {

/// mma.sync.aligned.m16n8k16.row.col.f32.{f16,bf16}.{f16,bf16}.f32. Places 0 to 3 are D, 4 to 7 A, 8 and 9 B, 10 to 13
/// C. Products are exact in fp32; they and C are added in fp32, in the order of Settings::sums.
void multiply_half(Warp& warp, const Instruction& instruction, std::uint32_t lanes);
void multiply_bf16(Warp& warp, const Instruction& instruction, std::uint32_t lanes);

/// ldmatrix.sync.aligned.m8n8.{x1,x2,x4}{.trans}.shared.b16: `count` matrices into places 0 to 3, addresses from place
/// 12. Every word counts as read by the lanes that receive it, so rows that another lane wrote need a barrier.
void load_matrices(Warp& warp, const Instruction& instruction, std::uint32_t lanes);
void load_matrices_transposed(Warp& warp, const Instruction& instruction, std::uint32_t lanes);

}  // namespace llsa::ptx

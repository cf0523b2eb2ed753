#pragma once

#include "cuda/ptx/warp.hpp"

namespace llsa::ptx {

struct BarrierOperands {
  std::uint32_t number = 0, threads = 0;  ///< 0 threads: all of the block
  std::uint32_t votes = 0;                ///< the predicates of a reduction
};
struct Reduced {
  std::uint32_t any = 0, all = 0, sum = 0;
};

/// What a barrier instruction asks for, the same for all lanes. Throws `Fault` for more than 16 barriers.
BarrierOperands barrier_operands(const Warp& warp, const Instruction& instruction);
/// The result of `bar.red` in the registers of the warp; nothing for `bar.sync`.
void store_reduction(Warp& warp, const Instruction& instruction, const Reduced& reduced);

/// `Instruction::detail` of barriers.
enum BarrierKind : std::uint8_t { barrier_sync, barrier_any, barrier_all, barrier_sum };

}  // namespace llsa::ptx

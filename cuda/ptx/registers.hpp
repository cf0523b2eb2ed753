#pragma once

#include <span>
#include <vector>

#include "cuda/ptx/builder.hpp"

namespace llsa::ptx {

/// Gives the thousands of registers of a body places, so that those that are never needed at the same time share one:
/// liveness over the flow graph, then a linear scan over the instructions. Fills in the places of all operands, and
/// `slots` and `predicates` of the program. Instructions with a guard may leave their destination as it was. Branch
/// targets must be known.
void place_registers(Program& program, std::span<const Register> registers, std::span<const Reference> references,
                     std::span<const ConstantReference> constants);

}  // namespace llsa::ptx

#pragma once

#include "cuda/ptx/module.hpp"
#include "cuda/ptx/program.hpp"

namespace llsa::ptx {

/// Reads a kernel's body into a program. `globals` is where the module's global variables were placed. Throws `Error`
/// that names the kernel and the line for every opcode, modifier or operand that is not known: nothing is guessed.
Program decode(const Module& module, const Entry& entry, std::uint64_t globals);

}  // namespace llsa::ptx

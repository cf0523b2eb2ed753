#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cuda/ptx/module.hpp"

namespace llsa::ptx {

/// A register of a kernel's body: one of the names that `.reg` declares.
struct Register {
  std::uint8_t bytes = 4;  ///< 2, 4 or 8; 0 is a predicate
};

struct Operand {
  enum class Kind : std::uint8_t { none, reg, number, real, symbol, special, address, vector, sink };
  Kind kind = Kind::none;
  std::uint32_t reg = 0;          ///< index into Body::registers
  std::uint64_t bits = 0;         ///< of a number (two's complement) or a float (its 32 bits)
  std::string_view name;          ///< of a label, a variable or a special register
  std::int64_t offset = 0;        ///< of an address: `reg` or `name` + offset
  std::vector<Operand> elements;  ///< of a vector; for an address one element, its base
  std::int32_t predicate = -1;    ///< `d|p`: the second register
  bool negated = false;           ///< `!p`
};

struct Statement {
  std::int32_t guard = -1;  ///< index of a predicate register, or -1
  bool guard_negated = false;
  std::string_view opcode;  ///< with modifiers: "add.s32"
  std::vector<Operand> operands;
  std::uint32_t line = 0;
};

/// A kernel's body, parsed but not interpreted.
struct Body {
  std::vector<Register> registers;
  std::vector<Statement> statements;
  std::map<std::string_view, std::uint32_t> labels;  ///< the statement a label stands before
  std::vector<Variable> shared;                      ///< static shared memory
};

/// Throws `Error` with the line for what is not understood.
Body parse_body(const Entry& entry);

}  // namespace llsa::ptx

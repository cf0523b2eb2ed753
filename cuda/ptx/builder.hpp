#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cuda/ptx/program.hpp"
#include "cuda/ptx/statement.hpp"

namespace llsa::ptx {

enum class Type : std::uint8_t {
  u8,
  u16,
  u32,
  u64,
  s8,
  s16,
  s32,
  s64,
  b8,
  b16,
  b32,
  b64,
  f16,
  bf16,
  f16x2,
  bf16x2,
  f32,
  pred
};

std::optional<Type> type_named(std::string_view name);
std::uint32_t bytes_of(Type type);
bool is_signed(Type type);
bool is_float(Type type);

/// Where an instruction holds an operand, before registers have places.
struct Reference {
  std::uint32_t instruction = 0, reg = 0;
  std::uint8_t position = 0;  ///< in `slot`; 14 is the guard
  bool defines = false;
};
struct ConstantReference {
  std::uint32_t instruction = 0, constant = 0;
  std::uint8_t position = 0;
};

/// What symbols stand for in one kernel.
struct Symbols {
  std::vector<std::pair<std::string_view, std::uint64_t>> values;  ///< addresses in their windows
};

/// Turns statements into instructions: the decode_*.cpp files ask it for modifiers and tell it where operands go.
/// Whatever they do not ask for is an error.
class Builder {
 public:
  Builder(const Body& body, const Symbols& symbols, Program& program)
      : body_(&body), symbols_(&symbols), program_(&program) {}

  void begin(const Statement& statement);
  /// Checks that every modifier was understood.
  void end();

  // Modifiers, behind the opcode's first word.
  std::string_view base() const { return words_[0]; }
  std::string_view last() const { return words_.back(); }
  bool accept(std::string_view word);
  /// One of these, or an error.
  std::size_t one_of(std::initializer_list<std::string_view> words);
  Type type();
  [[noreturn]] void fail(const std::string& what) const;

  // Operands.
  const Statement& statement() const { return *statement_; }
  std::size_t operand_count() const { return statement_->operands.size(); }
  const Operand& operand(std::size_t number) const;
  void expect_operands(std::size_t count) const;
  void destination(std::uint8_t position, const Operand& operand, std::uint32_t bytes);
  void source(std::uint8_t position, const Operand& operand, std::uint32_t bytes);
  void constant(std::uint8_t position, std::uint64_t bits, std::uint32_t bytes);
  void predicate_destination(std::uint8_t position, const Operand& operand);
  void predicate_destination(std::uint8_t position, std::uint32_t reg);
  void predicate_source(std::uint8_t position, const Operand& operand);
  std::uint32_t register_bytes(const Operand& operand) const;
  /// Base and offset of `[...]` into place 12; whether the base has 64 bits. A symbol in brackets is its address.
  bool address(const Operand& operand);
  /// Another instruction for the same statement, without its guard's flow.
  Instruction& instruction() { return program_->code.back(); }

  std::vector<Reference> references;
  std::vector<ConstantReference> constant_references;

 private:
  std::uint32_t constant_index(Constant::Kind kind, bool wide, std::uint64_t bits);
  void refer(std::uint8_t position, std::uint32_t reg, bool defines);
  std::uint64_t symbol(std::string_view name) const;

  const Body* body_;
  const Symbols* symbols_;
  Program* program_;
  const Statement* statement_ = nullptr;
  std::vector<std::string_view> words_;
  std::size_t used_ = 0;
};

// Each knows some opcodes, and returns false for those of others.
bool decode_integer(Builder& builder);
bool decode_float(Builder& builder);
bool decode_compare(Builder& builder);
bool decode_move(Builder& builder);
bool decode_convert(Builder& builder);
bool decode_memory(Builder& builder);
bool decode_atomic(Builder& builder);
bool decode_warp(Builder& builder);
bool decode_matrix(Builder& builder);

}  // namespace llsa::ptx

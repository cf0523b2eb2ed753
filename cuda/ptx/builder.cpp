#include "cuda/ptx/builder.hpp"

#include <utility>

#include "llsa/error.hpp"

namespace llsa::ptx {
namespace {

constexpr std::pair<std::string_view, Type> types[] = {
    {"u8", Type::u8},   {"u16", Type::u16},   {"u32", Type::u32},      {"u64", Type::u64},   {"s8", Type::s8},
    {"s16", Type::s16}, {"s32", Type::s32},   {"s64", Type::s64},      {"b8", Type::b8},     {"b16", Type::b16},
    {"b32", Type::b32}, {"b64", Type::b64},   {"f16", Type::f16},      {"bf16", Type::bf16}, {"f16x2", Type::f16x2},
    {"f32", Type::f32}, {"pred", Type::pred}, {"bf16x2", Type::bf16x2}};

constexpr std::pair<std::string_view, Constant::Kind> specials[] = {
    {"%tid.x", Constant::Kind::tid_x},         {"%tid.y", Constant::Kind::tid_y},
    {"%tid.z", Constant::Kind::tid_z},         {"%ntid.x", Constant::Kind::ntid_x},
    {"%ntid.y", Constant::Kind::ntid_y},       {"%ntid.z", Constant::Kind::ntid_z},
    {"%ctaid.x", Constant::Kind::ctaid_x},     {"%ctaid.y", Constant::Kind::ctaid_y},
    {"%ctaid.z", Constant::Kind::ctaid_z},     {"%nctaid.x", Constant::Kind::nctaid_x},
    {"%nctaid.y", Constant::Kind::nctaid_y},   {"%nctaid.z", Constant::Kind::nctaid_z},
    {"%laneid", Constant::Kind::laneid},       {"%warpid", Constant::Kind::warpid},
    {"%lanemask_eq", Constant::Kind::mask_eq}, {"%lanemask_le", Constant::Kind::mask_le},
    {"%lanemask_lt", Constant::Kind::mask_lt}, {"%lanemask_ge", Constant::Kind::mask_ge},
    {"%lanemask_gt", Constant::Kind::mask_gt}};

}  // namespace

std::optional<Type> type_named(std::string_view name) {
  for (const auto& [known, type] : types)
    if (known == name) return type;
  return std::nullopt;
}

std::uint32_t bytes_of(Type type) {
  switch (type) {
    case Type::u8:
    case Type::s8:
    case Type::b8:
      return 1;
    case Type::u16:
    case Type::s16:
    case Type::b16:
    case Type::f16:
    case Type::bf16:
      return 2;
    case Type::u64:
    case Type::s64:
    case Type::b64:
      return 8;
    default:
      return 4;
  }
}

bool is_signed(Type type) { return type == Type::s8 || type == Type::s16 || type == Type::s32 || type == Type::s64; }
bool is_float(Type type) { return type >= Type::f16 && type <= Type::f32; }

void Builder::begin(const Statement& statement) {
  statement_ = &statement;
  program_->code.emplace_back();
  instruction().line = statement.line;
  instruction().guard = 1;
  words_.clear();
  used_ = 1;
  const std::string_view opcode = statement.opcode;
  for (std::size_t at = 0; at <= opcode.size();) {
    const std::size_t dot = std::min(opcode.find('.', at), opcode.size());
    words_.push_back(opcode.substr(at, dot - at));
    at = dot + 1;
  }
  if (statement.guard >= 0) {
    instruction().guard = 0;  // not always; the place follows when registers have theirs
    refer(14, static_cast<std::uint32_t>(statement.guard), false);
    instruction().guard_negated = statement.guard_negated;
  }
}

void Builder::end() {
  if (used_ != words_.size()) fail("unknown modifier \"." + std::string(words_[used_]) + "\"");
  if (!instruction().execute && instruction().flow == Flow::next) fail("unknown instruction");
}

bool Builder::accept(std::string_view word) {
  if (used_ >= words_.size() || words_[used_] != word) return false;
  ++used_;
  return true;
}

std::size_t Builder::one_of(std::initializer_list<std::string_view> words) {
  std::size_t number = 0;
  for (const std::string_view word : words) {
    if (accept(word)) return number;
    ++number;
  }
  fail("unknown modifier \"." + std::string(used_ < words_.size() ? words_[used_] : "") + "\"");
}

Type Builder::type() {
  const auto found = used_ < words_.size() ? type_named(words_[used_]) : std::nullopt;
  if (!found) fail("a type expected in the opcode");
  ++used_;
  return *found;
}

void Builder::fail(const std::string& what) const {
  throw Error("PTX line " + std::to_string(statement_->line) + ", " + std::string(statement_->opcode) + ": " + what);
}

const Operand& Builder::operand(std::size_t number) const {
  if (number >= statement_->operands.size()) fail("operand " + std::to_string(number + 1) + " is missing");
  return statement_->operands[number];
}

void Builder::expect_operands(std::size_t count) const {
  if (operand_count() != count) fail("takes " + std::to_string(count) + " operands");
}

void Builder::refer(std::uint8_t position, std::uint32_t reg, bool defines) {
  references.push_back({static_cast<std::uint32_t>(program_->code.size() - 1), reg, position, defines});
}

std::uint32_t Builder::register_bytes(const Operand& operand) const {
  if (operand.kind != Operand::Kind::reg) fail("a register expected");
  return body_->registers[operand.reg].bytes;
}

void Builder::destination(std::uint8_t position, const Operand& operand, std::uint32_t bytes) {
  const std::uint32_t has = register_bytes(operand);
  if (has == 0 || (has == 8) != (bytes == 8)) fail("a register of another size than the instruction's");
  refer(position, operand.reg, true);
}

std::uint64_t Builder::symbol(std::string_view name) const {
  for (const auto& [known, value] : symbols_->values)
    if (known == name) return value;
  fail("unknown symbol " + std::string(name));
}

void Builder::source(std::uint8_t position, const Operand& operand, std::uint32_t bytes) {
  if (operand.negated) fail("a negated operand that is no predicate");
  switch (operand.kind) {
    case Operand::Kind::reg: {
      const std::uint32_t has = register_bytes(operand);
      if (has == 0 || (has == 8) != (bytes == 8)) fail("a register of another size than the instruction's");
      return refer(position, operand.reg, false);
    }
    case Operand::Kind::number:
      return constant(position, operand.bits, bytes);
    case Operand::Kind::real:
      if (bytes != 4) fail("a float where a value of another size belongs");
      return constant(position, operand.bits, bytes);
    case Operand::Kind::symbol:
      return constant(position, symbol(operand.name), bytes);
    case Operand::Kind::special:
      for (const auto& [name, kind] : specials)
        if (name == operand.name)
          return constant_references.push_back(
              {static_cast<std::uint32_t>(program_->code.size() - 1), constant_index(kind, bytes == 8, 0), position});
      fail("unknown register " + std::string(operand.name));
    default:
      fail("an operand of an unknown kind");
  }
}

std::uint32_t Builder::constant_index(Constant::Kind kind, bool wide, std::uint64_t bits) {
  for (std::uint32_t i = 0; i < program_->constants.size(); ++i) {
    const Constant& c = program_->constants[i];
    if (c.kind == kind && c.wide == wide && c.bits == bits) return i;
  }
  program_->constants.push_back({kind, wide, bits, 0});
  return static_cast<std::uint32_t>(program_->constants.size() - 1);
}

void Builder::constant(std::uint8_t position, std::uint64_t bits, std::uint32_t bytes) {
  if (bytes < 8) bits &= (std::uint64_t{1} << 8 * bytes) - 1;
  constant_references.push_back({static_cast<std::uint32_t>(program_->code.size() - 1),
                                 constant_index(Constant::Kind::bits, bytes == 8, bits), position});
}

void Builder::predicate_destination(std::uint8_t position, const Operand& operand) {
  if (register_bytes(operand) != 0) fail("a predicate expected");
  refer(position, operand.reg, true);
}
void Builder::predicate_destination(std::uint8_t position, std::uint32_t reg) { refer(position, reg, true); }

void Builder::predicate_source(std::uint8_t position, const Operand& operand) {
  if (operand.kind == Operand::Kind::number) {
    instruction().slot[position] = operand.bits != 0;  // places 0 and 1 hold false and true
    return;
  }
  if (register_bytes(operand) != 0) fail("a predicate expected");
  refer(position, operand.reg, false);
}

bool Builder::address(const Operand& operand) {
  if (operand.kind != Operand::Kind::address) fail("an address in brackets expected");
  const Operand& base = operand.elements[0];
  instruction().offset = operand.offset;
  const bool wide = base.kind != Operand::Kind::reg || register_bytes(base) == 8;
  source(12, base, wide ? 8 : 4);
  return wide;
}

}  // namespace llsa::ptx

#include "cuda/ptx/decode.hpp"

#include "cuda/ptx/builder.hpp"
#include "cuda/ptx/counts.hpp"
#include "cuda/ptx/registers.hpp"
#include "llsa/error.hpp"

namespace llsa::ptx {
namespace {

/// The first that knows the opcode decodes it. Floats come before integers, which share their names.
constexpr bool (*families[])(Builder&) = {decode_move,    decode_float,  decode_compare, decode_convert, decode_memory,
                                          decode_integer, decode_atomic, decode_warp,    decode_matrix};

std::string_view line_of(const Module& module, const Entry& entry, const Statement& statement) {
  // The statement's opcode points into the module's text.
  const std::string_view text = module.text();
  const auto at = static_cast<std::size_t>(statement.opcode.data() - text.data());
  (void)entry;
  return text.substr(at, std::min(text.find(';', at), at + 160) - at);
}

Program decode_body(const Module& module, const Entry& entry, std::uint64_t globals) {
  const Body body = parse_body(entry);
  Program program;
  program.name = entry.name;
  program.max_threads = entry.max_threads;
  program.parameter_bytes = static_cast<std::uint32_t>(entry.parameter_bytes);
  Symbols symbols;
  for (const Variable& parameter : entry.parameters) {
    program.parameters.emplace_back(parameter.offset, parameter.bytes);
    symbols.values.emplace_back(parameter.name, parameter_base + parameter.offset);
  }
  for (const Variable& global : module.globals()) symbols.values.emplace_back(global.name, globals + global.offset);
  std::uint64_t shared = 0;
  const auto align = [&](std::uint64_t alignment) { shared = (shared + alignment - 1) / alignment * alignment; };
  for (const Variable& variable : body.shared) {
    align(variable.alignment);
    symbols.values.emplace_back(variable.name, shared_base + shared);
    shared += variable.bytes;
  }
  program.static_shared_bytes = static_cast<std::uint32_t>(shared);
  for (const Variable& variable : module.dynamic_shared()) align(variable.alignment);
  for (const Variable& variable : module.dynamic_shared())
    symbols.values.emplace_back(variable.name, shared_base + shared);
  program.dynamic_shared_offset = static_cast<std::uint32_t>(shared);

  Builder builder(body, symbols, program);
  for (const Statement& statement : body.statements) {
    builder.begin(statement);
    bool known = false;
    for (auto* family : families)
      if ((known = family(builder))) break;
    if (!known) builder.fail("unknown instruction");
    if (builder.instruction().flow == Flow::branch) {
      const auto label = body.labels.find(statement.operands[0].name);
      if (label == body.labels.end()) builder.fail("unknown label " + std::string(statement.operands[0].name));
      builder.instruction().target = label->second;
    }
    builder.end();
    program.text.emplace_back(line_of(module, entry, statement));
  }
  // Labels may stand behind the last statement.
  program.code.push_back({.guard = 1, .flow = Flow::leave, .kind = Class::branch});
  program.text.emplace_back("end of the kernel");
  place_registers(program, body.registers, builder.references, builder.constant_references);
  return program;
}

}  // namespace

Program decode(const Module& module, const Entry& entry, std::uint64_t globals) {
  try {
    return decode_body(module, entry, globals);
  } catch (const Error& error) {
    throw Error("kernel " + readable_name(entry.name) + ": " + error.what());
  }
}

}  // namespace llsa::ptx

#include "cuda/ptx/module.hpp"

#include <algorithm>
#include <charconv>

#include "cuda/ptx/scanner.hpp"
#include "llsa/error.hpp"

namespace llsa::ptx {
namespace {

std::uint64_t number(Scanner& scan) {
  const std::string_view word = scan.next();
  std::uint64_t value = 0;
  const auto [end, status] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (status != std::errc() || end != word.data() + word.size())
    scan.fail("a number expected, found \"" + std::string(word) + "\"");
  return value;
}

/// After the state space: `.align 8 .b8 name[16]` or `.u64 name`.
Variable variable(Scanner& scan) {
  Variable result;
  if (scan.accept(".align")) result.alignment = number(scan);
  const std::string_view type = scan.next();
  const std::uint32_t bytes = type_bytes(type);
  if (bytes == 0) scan.fail("unknown type \"" + std::string(type) + "\" of a variable");
  result.alignment = std::max<std::uint64_t>(result.alignment, bytes);
  result.name = scan.next();
  result.bytes = bytes;
  if (scan.accept("[")) {
    result.bytes = scan.peek() == "]" ? 0 : bytes * number(scan);
    scan.expect("]");
  }
  return result;
}

std::uint64_t aligned(std::uint64_t offset, std::uint64_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

Entry entry(Scanner& scan, std::string_view text) {
  Entry result;
  result.name = scan.next();
  scan.expect("(");
  while (!scan.accept(")")) {
    scan.expect(".param");
    Variable parameter = variable(scan);
    parameter.offset = aligned(result.parameter_bytes, parameter.alignment);
    result.parameter_bytes = parameter.offset + parameter.bytes;
    result.parameters.push_back(parameter);
    scan.accept(",");
  }
  while (scan.peek() != "{") {
    const std::string_view directive = scan.next();
    if (directive == ".maxntid") {
      std::uint64_t threads = number(scan);
      while (scan.accept(",")) threads *= number(scan);
      result.max_threads = static_cast<std::uint32_t>(threads);
    } else if (directive == ".minnctapersm" || directive == ".maxnreg") {
      number(scan);
    } else {
      scan.fail("unknown directive \"" + std::string(directive) + "\" of a kernel");
    }
  }
  scan.expect("{");
  result.first_line = scan.line();
  const std::size_t begin = scan.position();
  std::size_t end = begin;
  for (int depth = 1; depth > 0;) {
    if (scan.done()) scan.fail("the body of kernel " + result.name + " does not end");
    end = scan.position();
    const std::string_view word = scan.next();
    depth += word == "{" ? 1 : word == "}" ? -1 : 0;
  }
  result.body = text.substr(begin, end - begin);
  return result;
}

}  // namespace

std::uint32_t type_bytes(std::string_view type) {
  for (const auto& [name, bytes] : {std::pair<std::string_view, std::uint32_t>{".b8", 1},
                                    {".u8", 1},
                                    {".s8", 1},
                                    {".b16", 2},
                                    {".u16", 2},
                                    {".s16", 2},
                                    {".f16", 2},
                                    {".bf16", 2},
                                    {".b32", 4},
                                    {".u32", 4},
                                    {".s32", 4},
                                    {".f32", 4},
                                    {".f16x2", 4},
                                    {".bf16x2", 4},
                                    {".b64", 8},
                                    {".u64", 8},
                                    {".s64", 8},
                                    {".f64", 8}})
    if (type == name) return bytes;
  return 0;
}

Module::Module(std::string text) : text_(std::move(text)) {
  Scanner scan(text_, 1);
  while (!scan.done()) {
    const std::string_view word = scan.next();
    if (word == ".version" || word == ".address_size") {
      const std::string_view value = scan.next();
      if (word == ".address_size" && value != "64") scan.fail("addresses must have 64 bits");
    } else if (word == ".target") {
      target_ = scan.next();
      while (scan.accept(",")) scan.next();
    } else if (word == ".visible" || word == ".weak") {
      continue;
    } else if (word == ".entry") {
      entries_.push_back(entry(scan, text_));
    } else if (word == ".extern") {
      scan.expect(".shared");
      dynamic_shared_.push_back(variable(scan));
      scan.expect(";");
    } else if (word == ".global") {
      Variable global = variable(scan);
      scan.expect(";");  // an initialised variable would have `= ...` here
      global.offset = aligned(global_bytes_, global.alignment);
      global_bytes_ = global.offset + global.bytes;
      globals_.push_back(global);
    } else {
      scan.fail("unknown directive \"" + std::string(word) + "\"");
    }
  }
  if (target_.empty()) throw Error("PTX without a .target");
}

const Entry* Module::find(std::string_view name) const {
  for (const Entry& entry : entries_)
    if (entry.name == name) return &entry;
  return nullptr;
}

}  // namespace llsa::ptx

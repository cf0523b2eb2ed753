#include "cuda/ptx/statement.hpp"

#include <charconv>
#include <deque>
#include <unordered_map>

#include "cuda/ptx/scanner.hpp"

namespace llsa::ptx {
namespace {

class BodyParser {
 public:
  explicit BodyParser(const Entry& entry) : scan_(entry.body, entry.first_line), scopes_(1) {}

  Body run() {
    while (!scan_.done()) item();
    return std::move(body_);
  }

 private:
  void item() {
    if (scan_.accept("{")) return scopes_.emplace_back(), void();
    if (scan_.accept("}")) {
      if (scopes_.size() == 1) scan_.fail("\"}\" without \"{\"");
      return scopes_.pop_back();
    }
    if (scan_.accept(";")) return;
    if (scan_.accept(".reg")) return declare_registers();
    if (scan_.accept(".shared")) return declare_shared();
    if (scan_.accept(".pragma")) return scan_.next(), scan_.expect(";");
    statement();
  }

  void declare_registers() {
    const std::string_view type = scan_.next();
    const std::uint32_t bytes = type_bytes(type);
    if (type != ".pred" && (bytes == 0 || bytes == 1)) scan_.fail("unknown type of registers " + std::string(type));
    do {
      const std::string_view name = scan_.next();
      if (scan_.accept("<")) {
        const std::int64_t count = integer(scan_.next());
        scan_.expect(">");
        for (std::int64_t i = 0; i < count; ++i)
          declare(names_.emplace_back(std::string(name) + std::to_string(i)), bytes);
      } else {
        declare(name, bytes);
      }
    } while (scan_.accept(","));
    scan_.expect(";");
  }
  void declare(std::string_view name, std::uint32_t bytes) {
    scopes_.back()[name] = static_cast<std::uint32_t>(body_.registers.size());
    body_.registers.push_back({static_cast<std::uint8_t>(bytes)});
  }
  void declare_shared() {
    Variable variable;
    if (scan_.accept(".align")) variable.alignment = static_cast<std::uint64_t>(integer(scan_.next()));
    const std::uint32_t bytes = type_bytes(scan_.next());
    variable.name = scan_.next();
    variable.bytes = bytes;
    if (scan_.accept("[")) {
      variable.bytes = bytes * static_cast<std::uint64_t>(integer(scan_.next()));
      scan_.expect("]");
    }
    if (variable.bytes == 0) scan_.fail("a shared variable without a size");
    scan_.expect(";");
    body_.shared.push_back(variable);
  }

  void statement() {
    Statement statement;
    statement.line = scan_.line();
    if (scan_.accept("@")) {
      statement.guard_negated = scan_.accept("!");
      const std::string_view name = scan_.next();
      const std::uint32_t* found = find(name);
      if (!found || body_.registers[*found].bytes != 0) scan_.fail("unknown predicate " + std::string(name));
      statement.guard = static_cast<std::int32_t>(*found);
    }
    statement.opcode = scan_.next();
    if (scan_.accept(":")) {
      body_.labels[statement.opcode] = static_cast<std::uint32_t>(body_.statements.size());
      return;
    }
    while (!scan_.accept(";")) {
      statement.operands.push_back(operand());
      if (scan_.peek() != ";") scan_.expect(",");
    }
    body_.statements.push_back(std::move(statement));
  }

  Operand operand() {
    Operand result;
    if (scan_.accept("{")) {
      result.kind = Operand::Kind::vector;
      while (!scan_.accept("}")) {
        result.elements.push_back(operand());
        scan_.accept(",");
      }
      return result;
    }
    if (scan_.accept("[")) {
      result.kind = Operand::Kind::address;
      result.elements.push_back(operand());
      while (!scan_.accept("]")) {
        if (!scan_.accept("+") && scan_.peek().substr(0, 1) != "-") scan_.fail("an offset expected");
        result.offset += integer(scan_.next());
      }
      return result;
    }
    result.negated = scan_.accept("!");
    const std::string_view word = scan_.next();
    if (word == "_") {
      result.kind = Operand::Kind::sink;
    } else if (const std::uint32_t* reg = find(word)) {
      result.kind = Operand::Kind::reg;
      result.reg = *reg;
      if (scan_.accept("|")) {
        const std::uint32_t* second = find(scan_.next());
        if (!second || body_.registers[*second].bytes != 0) scan_.fail("a predicate expected behind \"|\"");
        result.predicate = static_cast<std::int32_t>(*second);
      }
    } else if (word.substr(0, 2) == "0f" || word.substr(0, 2) == "0F") {
      result.kind = Operand::Kind::real;
      const auto [end, status] = std::from_chars(word.data() + 2, word.data() + word.size(), result.bits, 16);
      if (status != std::errc() || word.size() != 10) scan_.fail("not a 32-bit float: " + std::string(word));
    } else if (word[0] == '-' || (word[0] >= '0' && word[0] <= '9')) {
      result.kind = Operand::Kind::number;
      result.bits = static_cast<std::uint64_t>(integer(word));
    } else if (word[0] == '%') {
      result.kind = Operand::Kind::special;
      result.name = word;
    } else {
      result.kind = Operand::Kind::symbol;
      result.name = word;
    }
    return result;
  }

  std::int64_t integer(std::string_view word) {
    const bool negative = word.substr(0, 1) == "-";
    std::string_view digits = word.substr(negative ? 1 : 0);
    int base = 10;
    if (digits.substr(0, 2) == "0x" || digits.substr(0, 2) == "0X") digits.remove_prefix(2), base = 16;
    if (!digits.empty() && digits.back() == 'U') digits.remove_suffix(1);
    std::uint64_t value = 0;
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (status != std::errc() || end != digits.data() + digits.size())
      scan_.fail("not a number: \"" + std::string(word) + "\"");
    return static_cast<std::int64_t>(negative ? 0 - value : value);
  }

  const std::uint32_t* find(std::string_view name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
      if (const auto found = scope->find(name); found != scope->end()) return &found->second;
    return nullptr;
  }

  Scanner scan_;
  Body body_;
  std::vector<std::unordered_map<std::string_view, std::uint32_t>> scopes_;
  std::deque<std::string> names_;  ///< what `%r<43>` stands for; scopes hold views of them
};

}  // namespace

Body parse_body(const Entry& entry) { return BodyParser(entry).run(); }

}  // namespace llsa::ptx

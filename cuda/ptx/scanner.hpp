#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace llsa::ptx {

/// Cuts PTX text into words. A word is an identifier with its leading `%`, `$`, `.` or `@` kept apart only where PTX
/// does
/// (`@%p1`, `%tid.x`, `add.s32` and `0f3F800000` are one word each without the `@`), a string literal, or one
/// character. Comments and white space are passed over. Views point into the text, which must outlive them.
class Scanner {
 public:
  Scanner(std::string_view text, std::uint32_t first_line) : text_(text), line_(first_line) { skip(); }

  bool done() const { return at_ >= text_.size(); }
  std::string_view peek() const;
  std::string_view next();
  bool accept(std::string_view word);
  /// Throws `Error` with the line unless the next word is this one.
  void expect(std::string_view word);
  std::uint32_t line() const { return line_; }
  std::size_t position() const { return at_; }
  [[noreturn]] void fail(const std::string& what) const;

 private:
  void skip();

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
};

}  // namespace llsa::ptx

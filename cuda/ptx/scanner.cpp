#include "cuda/ptx/scanner.hpp"

#include "llsa/error.hpp"

namespace llsa::ptx {
namespace {

bool in_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         c == '%' || c == '.' || c == ':';
}

}  // namespace

void Scanner::skip() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '\n')
      ++line_, ++at_;
    else if (c == ' ' || c == '\t' || c == '\r' || c == '\0')
      ++at_;
    else if (text_.compare(at_, 2, "//") == 0)
      at_ = std::min(text_.find('\n', at_), text_.size());
    else if (text_.compare(at_, 2, "/*") == 0) {
      const std::size_t end = std::min(text_.find("*/", at_ + 2), text_.size());
      for (; at_ < end; ++at_) line_ += text_[at_] == '\n';
      at_ = std::min(end + 2, text_.size());
    } else {
      break;
    }
  }
}

std::string_view Scanner::peek() const {
  if (done()) return {};
  std::size_t end = at_;
  if (text_[at_] == '"') {
    end = std::min(text_.find('"', at_ + 1), text_.size() - 1) + 1;
  } else if (text_[at_] == '-' && at_ + 1 < text_.size() && text_[at_ + 1] >= '0' && text_[at_ + 1] <= '9') {
    for (++end; end < text_.size() && in_word(text_[end]);) ++end;
  } else {
    while (end < text_.size() && in_word(text_[end])) {
      // A colon belongs to a word only inside a modifier (`.L2::128B`); alone it ends a label.
      if (text_[end] == ':') {
        if (text_.compare(end, 2, "::") != 0) break;
        ++end;
      }
      ++end;
    }
    if (end == at_) ++end;
  }
  return text_.substr(at_, end - at_);
}

std::string_view Scanner::next() {
  const std::string_view word = peek();
  at_ += word.size();
  skip();
  return word;
}

bool Scanner::accept(std::string_view word) {
  if (peek() != word) return false;
  next();
  return true;
}

void Scanner::expect(std::string_view word) {
  if (!accept(word)) fail("\"" + std::string(word) + "\" expected, found \"" + std::string(peek()) + "\"");
}

void Scanner::fail(const std::string& what) const { throw Error("PTX line " + std::to_string(line_) + ": " + what); }

}  // namespace llsa::ptx

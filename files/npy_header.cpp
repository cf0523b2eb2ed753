#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>

#include "files/npy_format.hpp"
#include "llsa/error.hpp"
#include "llsa/quote.hpp"

namespace llsa::files {
namespace {

struct Descriptor {
  std::string_view text;
  ElementType type;
};
constexpr std::array descriptors{Descriptor{"<f2", ElementType::f16}, Descriptor{"<f4", ElementType::f32},
                                 Descriptor{"<f8", ElementType::f64}, Descriptor{"<i4", ElementType::i32},
                                 Descriptor{"<i8", ElementType::i64}};
/// What numpy.save makes of ml_dtypes.bfloat16: two bytes that NumPy has no name for.
constexpr std::array bfloat16_texts{std::string_view("<V2"), std::string_view("|V2")};

ElementType type_from(std::string_view text) {
  for (const Descriptor& d : descriptors)
    if (text == d.text) return d.type;
  if (std::ranges::count(bfloat16_texts, text) > 0) return ElementType::bf16;
  throw Error(fmt::format("header: 'descr' is {}{}; it must be '<f2', '<f4', '<f8', '<i4', '<i8' or '<V2' (bfloat16)",
                          quote(text), text.starts_with('>') ? " (big-endian)" : ""));
}

/// The little of Python's literal syntax that NumPy writes: one dictionary of strings, booleans and a tuple of numbers.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  NpyHeader parse() {
    expect('{');
    while (!accept('}')) {
      parse_entry();
      if (accept(',')) continue;
      expect('}');
      break;
    }
    if (text_.empty() || text_.back() != '\n') throw Error("header: it must end with a newline");
    skip_space();
    if (position_ < text_.size() - 1) fail("spaces and one newline");
    for (const auto& [key, given] :
         {std::pair("descr", type_.has_value()), {"fortran_order", c_order_}, {"shape", shape_.has_value()}})
      if (!given) throw Error(fmt::format("header: '{}' is missing", key));
    return {*type_, *shape_};
  }

 private:
  void parse_entry() {
    const std::string_view key = string();
    expect(':');
    if (key == "descr") {
      once(key, type_.has_value());
      type_ = type_from(peek() == '[' ? throw Error("header: 'descr' is a list (a structured type); it must be '<f2', "
                                                    "'<f4', '<f8', '<i4', '<i8' or '<V2' (bfloat16)")
                                      : string());
    } else if (key == "fortran_order") {
      once(key, c_order_);
      parse_order();
    } else if (key == "shape") {
      once(key, shape_.has_value());
      shape_ = tuple();
    } else {
      throw Error(fmt::format("header: unknown key {}; it must be 'descr', 'fortran_order' or 'shape'", quote(key)));
    }
  }

  void once(std::string_view key, bool given) const {
    if (given) throw Error(fmt::format("header: '{}' appears twice", key));
  }

  void parse_order() {
    skip_space();
    if (accept_word("True"))
      throw Error("header: 'fortran_order' is True; only C order is read: save numpy.ascontiguousarray(array)");
    if (!accept_word("False")) fail("True or False");
    c_order_ = true;
  }

  std::string_view string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("a string in quotes");
    const std::size_t end = text_.find(quote, position_ + 1);
    if (end == std::string_view::npos) fail("a string that ends");
    const std::string_view result = text_.substr(position_ + 1, end - position_ - 1);
    position_ = end + 1;
    return result;
  }

  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> result;
    expect('(');
    while (!accept(')')) {
      if (result.size() == max_rank) fail(fmt::format("at most {} extents", max_rank));
      result.push_back(extent());
      if (accept(',')) continue;
      // (3) is a number in Python, not a tuple.
      if (result.size() == 1) fail("',' after the only extent of a tuple");
      expect(')');
      break;
    }
    return result;
  }

  std::int64_t extent() {
    skip_space();
    if (peek() == '-') throw Error(fmt::format("header: byte {}: an extent of 'shape' is negative", position_));
    std::int64_t value = 0;
    const char* begin = text_.data() + position_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error == std::errc::result_out_of_range)
      throw Error(fmt::format("header: byte {}: an extent of 'shape' exceeds 2^63 - 1", position_));
    if (error != std::errc()) fail("an extent");
    position_ += static_cast<std::size_t>(end - begin);
    accept_word("L");  // Python 2 wrote long integers so
    return value;
  }

  void skip_space() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\t')) ++position_;
  }
  char peek() {
    skip_space();
    return position_ < text_.size() ? text_[position_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c || position_ == text_.size()) return false;
    ++position_;
    return true;
  }
  bool accept_word(std::string_view word) {
    if (!text_.substr(position_).starts_with(word)) return false;
    position_ += word.size();
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("'{}'", c));
  }
  [[noreturn]] void fail(const std::string& wanted) const {
    throw Error(fmt::format("header: byte {}: expected {}, found {}", position_, wanted,
                            position_ < text_.size() ? quote(text_.substr(position_, 1)) : "the end"));
  }

  std::string_view text_;
  std::size_t position_ = 0;
  std::optional<ElementType> type_;
  std::optional<std::vector<std::int64_t>> shape_;
  bool c_order_ = false;
};

}  // namespace

NpyHeader parse_npy_header(std::string_view text) { return HeaderParser(text).parse(); }

std::string format_npy_header(const NpyHeader& header) {
  for (const Descriptor& d : descriptors)
    if (header.type == d.type)
      return fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", d.text,
                         fmt::join(header.shape, ", "), header.shape.size() == 1 ? "," : "");
  throw Error(fmt::format(".npy has no {}; it holds F16, F32, F64, I32 or I64", name_of(header.type)));
}

}  // namespace llsa::files

#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

namespace llsa {

/// The number that `text` is, all of it and in range of its type; empty for anything else.
template <class Number>
std::optional<Number> number_from(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc{} && parsed.ptr == end ? std::optional(value) : std::nullopt;
}

/// What stands between commas, "4,8"; one empty part for an empty text, an empty part between two commas that touch.
inline std::vector<std::string_view> parts_between_commas(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

/// Numbers between commas; empty when a part is none, so also for "4,,8" and for an empty text.
template <class Number>
std::optional<std::vector<Number>> numbers_from(std::string_view text) {
  std::vector<Number> numbers;
  for (const std::string_view part : parts_between_commas(text)) {
    const auto number = number_from<Number>(part);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

}  // namespace llsa

#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "llsa/error.hpp"
#include "llsa/number_text.hpp"

namespace llsa::program {

/// One number in full and in range. Throws `Error` naming `option`, its value and what is allowed.
template <class Number>
Number number_of(const std::string& option, const std::string& text) {
  if (const auto number = number_from<Number>(text)) return *number;
  constexpr const char* kind = std::is_floating_point_v<Number> ? "a number"
                               : std::is_unsigned_v<Number>     ? "a whole number, 0 or more"
                                                                : "a whole number";
  throw Error(fmt::format("{} is '{}'; it must be {}", option, text, kind));
}

/// Numbers, or words, between commas. Throws `Error` likewise, also for "4,,8".
template <class Value>
std::vector<Value> list_of(const std::string& option, const std::string& text) {
  if constexpr (std::is_same_v<Value, std::string>) {
    std::vector<std::string> words;
    for (const std::string_view part : parts_between_commas(text)) words.emplace_back(part);
    for (const std::string& word : words)
      if (word.empty()) throw Error(fmt::format("{} is '{}'; it must be names with commas between them", option, text));
    return words;
  } else {
    auto numbers = numbers_from<Value>(text);
    if (!numbers)
      throw Error(fmt::format("{} is '{}'; it must be {} with commas between them", option, text,
                              std::is_floating_point_v<Value> ? "numbers" : "whole numbers"));
    return std::move(*numbers);
  }
}

/// An option that takes a list: values between commas. Given several times, or with several values, the lists follow
/// one another. What is given replaces what `target` held.
template <class Value>
CLI::Option* add_list(CLI::App& command, const std::string& name, std::vector<Value>& target,
                      const std::string& description) {
  return command.add_option_function<std::vector<std::string>>(
      name,
      [name, &target](const std::vector<std::string>& texts) {
        target.clear();
        for (const std::string& text : texts)
          for (Value& value : list_of<Value>(name, text)) target.push_back(std::move(value));
      },
      description);
}

}  // namespace llsa::program

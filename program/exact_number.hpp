#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <string>
#include <type_traits>

namespace llsa::program {

/// Accepts what is a T as it is written, in full and in range; CLI11 alone takes "-1" for a huge unsigned number and
/// the largest number for one that is larger still. For `CLI::Option::check`.
template <class T>
CLI::Validator exact_number() {
  return {[](std::string& text) -> std::string {
            T number{};
            const char* const end = text.data() + text.size();
            const auto parsed = std::from_chars(text.data(), end, number);
            if (parsed.ec == std::errc{} && parsed.ptr == end) return {};
            if (parsed.ec == std::errc::result_out_of_range) return "'" + text + "' is out of range";
            constexpr const char* kind = std::is_floating_point_v<T> ? "a number"
                                         : std::is_unsigned_v<T>     ? "a whole number, 0 or more"
                                                                     : "a whole number";
            return "'" + text + "' is not " + kind;
          },
          ""};
}

/// An option for one number, with its default shown in the help.
template <class T>
CLI::Option* add_number(CLI::App& command, const std::string& name, T& target, const std::string& description) {
  return command.add_option(name, target, description)->capture_default_str()->check(exact_number<T>());
}

}  // namespace llsa::program

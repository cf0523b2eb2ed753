#pragma once

#include <string>
#include <string_view>

namespace llsa {

/// Text from a file for a message: in single quotes, on one line, at most 60 characters, anything unprintable as \xNN,
/// quotes and backslashes after a backslash.
std::string quote(std::string_view text);

}  // namespace llsa

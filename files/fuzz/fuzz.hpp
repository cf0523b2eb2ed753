#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "llsa/error.hpp"

namespace llsa::files {

/// What every reader promises for any bytes: it returns, or throws `Error` with one line that begins with the name.
template <class Parse>
int fuzz(const std::uint8_t* data, std::size_t size, Parse parse) {
  const std::string name = "input";
  try {
    parse(std::as_bytes(std::span(data, size)), name);
  } catch (const Error& error) {
    const std::string message = error.what();
    if (!message.starts_with(name + ": ") || message.find('\n') != std::string::npos) std::abort();
  }
  return 0;
}

}  // namespace llsa::files

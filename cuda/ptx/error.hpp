#pragma once

#include <cstdint>
#include <string>

#include "llsa/error.hpp"

namespace llsa::ptx {

/// What a check found, thrown by a handler; the block that runs it adds kernel, line and thread.
struct Fault {
  std::string what;
  std::uint32_t lane = 0;
};

}  // namespace llsa::ptx

#pragma once

#include <string>

#include "llsa/options.hpp"

namespace llsa {

/// How to attend, as a user chooses it and every program takes it: a method of `method.hpp`, the options that it takes
/// its own from (`method_options`), and the order that the tokens are brought into before. What a method takes besides
/// Q, K and V goes by name (`AttentionInputs::extras`).
struct AttentionChoice {
  std::string method = "llsa";
  Options options = {};
  std::string order = {};  ///< token order, spec section 7; empty: as the tokens come
};

}  // namespace llsa

#pragma once

#include <string>
#include <string_view>

#include "llsa/token_order.hpp"

namespace llsa {

/// How metadata and command lines spell a grid: "HxW" or "TxHxW", in any common spelling: "25x40", "[25, 40]", "4 25
/// 40". Throws `Error` otherwise.
Grid grid_from(std::string_view text);
/// "25x40", with frames only where there is more than one.
std::string text_of(Grid grid);

}  // namespace llsa

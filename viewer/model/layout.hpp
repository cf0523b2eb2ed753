#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "files/layout.hpp"
#include "llsa/grid_text.hpp"

namespace llsa::viewer {

using files::layout_from;
using files::layouts_of_rank;
using llsa::grid_from;
inline std::string to_string(Grid grid) { return llsa::text_of(grid); }
/// Every grid of `tokens` cells with one frame, most square first: what a person may choose from.
std::vector<Grid> grids_of(std::int64_t tokens);

}  // namespace llsa::viewer

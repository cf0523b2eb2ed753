#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "llsa/grid_text.hpp"
#include "files/tensor_file.hpp"

namespace llsa::viewer {

/// The orders of axes that a file may store Q, K and V in, for tensors of `rank` axes, slowest first: "bhnd" is
/// [batch, heads, tokens, dim], "nhd" [tokens, heads, dim]. Two axes are always [tokens, dim].
std::vector<std::string> layouts_of_rank(std::size_t rank);

/// The letters of a layout however a file spells it: "bhnd", "[batch, heads, tokens, dim]", "batch seq heads head_dim".
/// Throws `Error` that lists what is allowed when an axis is unknown, repeated, or tokens or dim are missing.
std::string layout_from(std::string_view text);

/// As `[batch, heads, tokens, dim]` in float, absent axes of extent 1. Throws `Error` when the rank does not fit.
Tensor<float> to_bhnd(const files::NamedTensor& tensor, const std::string& layout);

using llsa::grid_from;
inline std::string to_string(Grid grid) { return llsa::text_of(grid); }
/// Every grid of `tokens` cells with one frame, most square first: what a person may choose from.
std::vector<Grid> grids_of(std::int64_t tokens);

}  // namespace llsa::viewer

#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "files/tensor_file.hpp"

namespace llsa::files {

/// The orders of axes that a file may store Q, K and V in, for tensors of `rank` axes, slowest first: "bhnd" is
/// [batch, heads, tokens, dim], "nhd" [tokens, heads, dim]. Two axes are always [tokens, dim].
std::vector<std::string> layouts_of_rank(std::size_t rank);

/// The letters of a layout however a file spells it: "bhnd", "[batch, heads, tokens, dim]", "batch seq heads head_dim".
/// Throws `Error` that lists what is allowed when an axis is unknown, repeated, or tokens or dim are missing.
std::string layout_from(std::string_view text);

/// What the axes of a tensor with `rank` axes are where nothing says it: "bhnd" for four, "nd" for two; empty for
/// three, which can be three things.
std::string default_layout(std::size_t rank);

/// The layout that a file's metadata says, read by `layout_from`; empty when it says none.
std::string said_layout(const std::map<std::string, std::string>& metadata);

/// As `[batch, heads, tokens, dim]`, absent axes of extent 1, converted to T as `to_tensor` does. An empty layout is
/// the default one. Throws `Error` when the rank does not fit, and for three axes without a layout.
template <class T>
Tensor<T> to_bhnd(const NamedTensor& tensor, const std::string& layout);

}  // namespace llsa::files

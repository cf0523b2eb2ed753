#pragma once

#include <string>
#include <vector>

#include "compare/comparator.hpp"
#include "compare/verify/gradient_parts.hpp"

namespace llsa::compare::verify {

/// The rows whose error exceeds `allowed` (not-a-number counts), as (batch * heads, token).
std::vector<RowRef> wrong_rows(const Comparison& comparison, const Shape& shape, double allowed);

/// Where wrong rows are, in words: how many, in which heads, which tokens, and what they have in common ("all in the
/// last block, which is ragged"). `block_size` is that of the attention.
std::string locate(const std::vector<RowRef>& wrong, const Shape& shape, std::int64_t block_size);

/// At most `most` rows, evenly from the wrong ones (two thirds) and from all rows; the last row of the last head
/// always.
std::vector<RowRef> sample_rows(const std::vector<RowRef>& wrong, const Shape& shape, std::size_t most);

}  // namespace llsa::compare::verify

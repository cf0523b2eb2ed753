#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "llsa/hierarchy.hpp"

/// One query's attention (spec section 4) in double, for looking at it rather than for speed.
namespace llsa::reference {

/// Replaces the scores of a query's keys, each with the logarithm of the key's weight added, by their probabilities,
/// the softmax. Returns the natural logarithm of the sum of their exponentials. One NaN makes every probability NaN.
double softmax(std::span<double> scores);

/// Adds the probability of key `token` of `level`, spread evenly over the fine tokens that it stands for, to the cells
/// on which these lie: fine token t lies on cell `cell_of[t]`.
void spread(const Hierarchy& keys, int level, std::int64_t token, double probability,
            const std::vector<std::int64_t>& cell_of, std::span<double> cells);

}  // namespace llsa::reference

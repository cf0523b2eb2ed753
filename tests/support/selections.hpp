#pragma once

#include "support/verdict.hpp"

namespace llsa::testing {

/// A valid selection at random: every list a random subset of its candidates in random order, not always as long as it
/// could be. `same_for_all_queries` repeats one query's lists (random again for every head).
Selection random_selection(const ResolvedOptions& options, std::int64_t heads, std::uint64_t seed,
                           bool same_for_all_queries = false);

/// Passes when every list of `selection` is what brute force finds among the candidates that its own parent lists
/// leave, up to score differences of `gap`: the lists are valid and full, in descending order of score, and no
/// candidate left out beats one that was taken. `query` and `key` are pooled in double.
Verdict is_best(const Selection& selection, const std::vector<Tensor<double>>& query,
                const std::vector<Tensor<double>>& key, const ResolvedOptions& options, double gap);

}  // namespace llsa::testing

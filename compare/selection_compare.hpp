#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "llsa/selection.hpp"

namespace llsa::compare {

/// How a selection differs from the definition's (spec section 3). Each list is judged given the parents that were
/// selected *in this selection*, so that one flip is counted once and not again at every level below it. Gaps are in
/// units of |Q^(l)[t]| * max |K^(l)[c]| over the candidates.
struct SelectionComparison {
  std::int64_t lists = 0;                     ///< how many were judged
  std::int64_t wrong_lengths = 0;             ///< lists that hold fewer or more than min(K_l, #candidates) tokens
  std::int64_t flipped_lists = 0, flips = 0;  ///< lists, and tokens in them, that the definition does not select
  double largest_gap = 0;             ///< the most by which a selected token's score is below one that was left out
  std::int64_t tie_flips = 0;         ///< flips between scores that are exactly equal: the lower index was left out
  std::int64_t misordered_lists = 0;  ///< the right tokens, but not by score descending, ties to the lower index
  double largest_order_gap = 0;
  std::int64_t tie_order = 0;  ///< misordered lists in which the scores concerned are exactly equal

  /// The list with the largest gap (or the first of wrong length), and what is wrong in it.
  int worst_level = 0;
  std::int64_t worst_head = 0, worst_token = 0;
  std::string worst_what;

  bool exact() const { return wrong_lengths == 0 && flips == 0 && misordered_lists == 0; }
};

/// Judges every list of the levels in `[lowest, highest]`. `query` and `key` are the coarse levels, `[l - 1]` is level
/// l, in double. `selection` must be well-formed (`llsa::validate`).
SelectionComparison compare_selection(const Selection& selection, const std::vector<Tensor<double>>& query,
                                      const std::vector<Tensor<double>>& key, const ResolvedOptions& options,
                                      int lowest, int highest);
inline SelectionComparison compare_selection(const Selection& selection, const std::vector<Tensor<double>>& query,
                                             const std::vector<Tensor<double>>& key, const ResolvedOptions& options) {
  return compare_selection(selection, query, key, options, 1, options.levels);
}

/// The same tokens up to scores that differ by no more than `gap`; exact ties must go to the lower index.
bool same_tokens(const SelectionComparison& comparison, double gap);
/// The same for the order within the lists.
bool same_order(const SelectionComparison& comparison, double gap);

/// One line: flips, gaps, the worst list. Empty when exact.
std::string explain(const SelectionComparison& comparison);

}  // namespace llsa::compare

#pragma once

#include <optional>
#include <vector>

#include "viewer/model/query_view.hpp"

namespace llsa::viewer {

/// Tokens that one query selected at one level, on either side.
struct SelectionOverlap {
  std::vector<std::int32_t> both, only_a, only_b;  ///< ascending
};
/// Empty unless both sides have the level with the same block size, token order and numbers of tokens.
std::optional<SelectionOverlap> overlap_of(const QueryView& a, const QueryView& b, int level);

/// LLSA weights of A minus those of B by cell of the key grid. Both are of the same document.
std::vector<float> weight_difference(const QueryView& a, const QueryView& b);

/// |O_A - O_B| / |O_B| of all queries together, matched by cell, and the largest gap of their LSE.
struct OutputGap {
  double relative_l2 = 0, lse = 0;
};
/// Empty while one side's outputs are not computed or the two have different shapes.
std::optional<OutputGap> output_gap(const HeadResult& a, const HeadResult& b);

/// How far the output of every query is from another one.
struct ErrorMap {
  std::vector<float> by_cell;  ///< relative L2 by cell of the query grid; empty while nothing was compared
  std::int64_t queries = 0, compared = 0;
  std::optional<std::int64_t> worst_cell;  ///< of those compared; NaN is worse than all others
  double worst = 0;
};
/// Against dense attention. A query that was not compared takes the value of the compared one before it in the
/// sequence.
ErrorMap error_map(const HeadResult& result);
/// A against B, matched by cell; empty while one side's outputs are not computed or the two have different shapes.
ErrorMap gap_map(const HeadResult& a, const HeadResult& b);

/// Popularity of a level spread over the cells of the key grid: each cell has the count of its level-l token.
std::vector<float> popularity_by_cell(const HeadSelection& head, int level);

/// The most popular key tokens of a level, most popular first, ties to the lower index; those never selected are left
/// out.
struct HotKey {
  std::int64_t token = 0;
  std::int64_t queries = 0;
};
std::vector<HotKey> hot_keys(const HeadSelection& head, int level, std::size_t limit);

}  // namespace llsa::viewer

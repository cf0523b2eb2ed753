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

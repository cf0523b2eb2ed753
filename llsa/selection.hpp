#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "llsa/options.hpp"

namespace llsa {

/// The lists `I^(l)` of one level for every batch entry and head: `[batch * heads, queries, width]`, row-major int32.
/// A row holds the selected level-l key tokens, best first, then -1 where there were fewer candidates than `width`.
struct LevelSelection {
  std::int64_t heads = 0;    ///< batch * heads
  std::int64_t queries = 0;  ///< T_l of the query hierarchy
  std::int64_t width = 0;    ///< min(K_l, the most candidates any query can have)
  std::vector<std::int32_t> indices;

  std::span<std::int32_t> row(std::int64_t head, std::int64_t t) {
    return {indices.data() + (head * queries + t) * width, static_cast<std::size_t>(width)};
  }
  /// The selected key tokens of query token `t`, without the -1 padding.
  std::span<const std::int32_t> list(std::int64_t head, std::int64_t t) const;
};

/// Hierarchical top-K selection, spec section 3. Level numbers run from 1 to L.
class Selection {
 public:
  Selection() = default;
  /// All lists allocated and empty (-1).
  Selection(std::int64_t heads, const ResolvedOptions& options);

  int levels() const { return static_cast<int>(levels_.size()); }
  LevelSelection& level(int l) { return levels_[static_cast<std::size_t>(l - 1)]; }
  const LevelSelection& level(int l) const { return levels_[static_cast<std::size_t>(l - 1)]; }
  std::span<const std::int32_t> list(int l, std::int64_t head, std::int64_t t) const { return level(l).list(head, t); }

 private:
  std::vector<LevelSelection> levels_;
};

/// Throws `Error` unless `selection` could belong to this problem: levels, lengths and widths agree, every index is a
/// level-l key token whose parent was selected by the query's parent, no list repeats a token, no list is empty, and -1
/// stands only at the end. For selections that come from outside.
void validate(const Selection& selection, const ResolvedOptions& options, std::int64_t heads);

/// The level-`level` key tokens that were candidates for level-`level` query token `t` (spec section 3), in ascending
/// runs: all of them at `level == L`, else the children of what the parent selected, in the order of its list.
void candidates(const Selection& selection, const ResolvedOptions& options, int level, std::int64_t head,
                std::int64_t t, std::vector<std::int32_t>& out);

/// Key token -> query tokens for one level and head (spec section 5): the query tokens that selected key token `c` are
/// `query_indices[offsets[c] ... offsets[c + 1])`, ascending. `offsets` has `T_l + 1` entries, the first is 0.
struct TransposedList {
  std::vector<std::int64_t> offsets;
  std::vector<std::int32_t> query_indices;

  std::span<const std::int32_t> queries_of(std::int64_t c) const {
    return {query_indices.data() + offsets[static_cast<std::size_t>(c)],
            query_indices.data() + offsets[static_cast<std::size_t>(c) + 1]};
  }
};

}  // namespace llsa

#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "reference/key_queries.hpp"

namespace llsa::reference {

/// Key-major work on one level, cut into pieces (spec section 5). A tile of at most `most_keys` key tokens of the level
/// and of one key head is attended by the queries under certain query tokens of each query head that shares the key
/// head, one head after the other (spec section 9): those that selected the tile's parent, from the transposed
/// selection of the level above (or its dense mask); at the coarsest level every query. Long lists are cut into
/// parts, whose partial sums are added in order, so that a key which everybody selected does not leave one thread
/// working alone. At the coarsest level a part is made of segments: `part_queries` neighbouring queries of one head,
/// each summed by itself, so that whoever holds a segment's queries can sum it (docs/python.md, many machines).
class KeyPlan {
 public:
  static constexpr std::int64_t most_keys = 64;
  static constexpr std::int64_t part_queries = 8192;
  /// At the coarsest level every tile meets every query; no more partial sums than these are kept for one key head.
  static constexpr std::int64_t most_coarsest_parts = 64;

  /// `level` 0 is fine, `heads` are key heads. `parents` tells who selected the tokens of `level + 1`; unused (may be
  /// null) at the coarsest. `own`: only the tiles under these tokens of `level + 1`.
  KeyPlan(const ResolvedOptions& options, int level, std::int64_t heads, const KeyQueries* parents,
          std::optional<TokenRange> own = {})
      : options_(&options), level_(level), parents_(parents) {
    const TokenRange all_parents{0, coarsest() ? 1 : options.key.length(level + 1)};
    const TokenRange wanted = own.value_or(all_parents);
    for (std::int64_t head = 0; head < heads; ++head)
      for (std::int64_t parent = wanted.begin; parent < wanted.end; ++parent) {
        const TokenRange all =
            coarsest() ? TokenRange{0, options.key.length(level)} : options.key.children(level + 1, parent);
        for (std::int64_t first = all.begin; first < all.end; first += most_keys)
          add_tile(head, parent, {first, std::min(first + most_keys, all.end)});
      }
  }

  struct Part {
    std::int64_t head;    ///< key head
    std::int64_t parent;  ///< the key token above the tile
    TokenRange keys;
    /// Of the lists of query tokens of all query heads, laid one behind the other; at the coarsest level of their
    /// segments, likewise.
    TokenRange entries;
    std::int64_t place = -1;  ///< where its partial sum goes; -1: the tile's only part
  };
  /// A tile with more than one part: its places `[places.begin, places.end)` are to be added in order.
  struct SplitTile {
    std::int64_t head;
    TokenRange keys, places;
  };
  const std::vector<Part>& parts() const { return parts_; }
  const std::vector<SplitTile>& split_tiles() const { return split_tiles_; }
  std::int64_t places() const { return places_; }

  bool coarsest() const { return level_ == options_->levels; }
  static std::int64_t segments(const ResolvedOptions& options) {
    return (options.query.tokens() + part_queries - 1) / part_queries;
  }
  static TokenRange segment(const ResolvedOptions& options, std::int64_t index) {
    return {index * part_queries, std::min((index + 1) * part_queries, options.query.tokens())};
  }
  /// How many segments make a part, for `keys` tokens of the coarsest level.
  static std::int64_t segments_of_part(const ResolvedOptions& options, std::int64_t keys) {
    const std::int64_t tiles = (keys + most_keys - 1) / most_keys;
    const std::int64_t parts = std::max<std::int64_t>(1, most_coarsest_parts / tiles);
    return (segments(options) * options.group + parts - 1) / parts;
  }

  /// Calls `visit(query_head, range)` for the fine queries of a part, query heads and queries ascending. At the
  /// coarsest level each is a segment.
  template <class Visit>
  void for_each_range(const Part& part, const Visit& visit) const {
    std::vector<std::int32_t> scratch;
    std::int64_t first = 0;  // entry of the query head
    for (std::int64_t member = 0; member < options_->group; ++member) {
      const std::int64_t head = part.head * options_->group + member, count = entries_of(head, part.parent);
      const TokenRange entries{std::max(part.entries.begin - first, std::int64_t{0}),
                               std::min(part.entries.end - first, count)};
      first += count;
      if (entries.begin >= entries.end) continue;
      if (coarsest()) {
        for (std::int64_t s = entries.begin; s < entries.end; ++s) visit(head, segment(*options_, s));
        continue;
      }
      for (const std::int32_t t : parents_->queries(head, part.parent, entries, scratch))
        visit(head, options_->query.fine(level_ + 1, t));
    }
  }

 private:
  /// How many entries one query head has for the tiles under `parent`.
  std::int64_t entries_of(std::int64_t query_head, std::int64_t parent) const {
    return coarsest() ? segments(*options_) : parents_->count(query_head, parent);
  }

  void add_tile(std::int64_t head, std::int64_t parent, TokenRange keys) {
    std::int64_t entries = 0;
    for (std::int64_t member = 0; member < options_->group; ++member)
      entries += entries_of(head * options_->group + member, parent);
    const std::int64_t each = coarsest() ? segments_of_part(*options_, options_->key.length(level_))
                                         : std::max<std::int64_t>(1, part_queries / options_->query.span(level_ + 1));
    if (entries <= (coarsest() ? 1 : each)) {
      parts_.push_back({head, parent, keys, {0, entries}, -1});
      return;
    }
    const std::int64_t first_place = places_;
    for (std::int64_t begin = 0; begin < entries; begin += each)
      parts_.push_back({head, parent, keys, {begin, std::min(begin + each, entries)}, places_++});
    split_tiles_.push_back({head, keys, {first_place, places_}});
  }

  const ResolvedOptions* options_;
  int level_;
  const KeyQueries* parents_;
  std::vector<Part> parts_;
  std::vector<SplitTile> split_tiles_;
  std::int64_t places_ = 0;
};

}  // namespace llsa::reference

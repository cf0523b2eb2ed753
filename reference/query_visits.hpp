#pragma once

#include <algorithm>
#include <vector>

#include "reference/key_queries.hpp"

namespace llsa::reference {

/// Key-major work on one level, cut into pieces (spec section 5). A tile of at most `most_keys` key tokens of the level is
/// attended by the queries under certain query tokens: those that selected the tile's parent, from the transposed
/// selection of the level above (or its dense mask); at the coarsest level every query. Long lists are cut into segments, whose partial
/// sums are added in order, so that a key which everybody selected does not leave one thread working alone.
class QueryVisits {
 public:
  static constexpr std::int64_t most_keys = 64;
  static constexpr std::int64_t segment_queries = 8192;
  /// At the coarsest level every tile meets every query; no more partial sums than these are kept for one head.
  static constexpr std::int64_t most_coarsest_segments = 64;

  /// `level` 0 is fine. `parents` tells who selected the tokens of `level + 1`; unused (may be null) at the coarsest.
  QueryVisits(const ResolvedOptions& options, int level, std::int64_t heads, const KeyQueries* parents)
      : options_(&options), level_(level), parents_(parents) {
    const std::int64_t groups = coarsest() ? 1 : options.key.length(level + 1);
    for (std::int64_t head = 0; head < heads; ++head)
      for (std::int64_t group = 0; group < groups; ++group) {
        const TokenRange all = coarsest() ? TokenRange{0, options.key.length(level)} : options.key.children(level + 1, group);
        for (std::int64_t first = all.begin; first < all.end; first += most_keys)
          add_tile(head, group, {first, std::min(first + most_keys, all.end)});
      }
  }

  struct Segment {
    std::int64_t head, group;
    TokenRange keys;
    TokenRange entries;      ///< of the group's list of query tokens; at the coarsest level of the fine queries themselves
    std::int64_t slot = -1;  ///< where its partial sum goes; -1: the tile's only segment
  };
  /// A tile with more than one segment: its slots `[slots.begin, slots.end)` are to be added in order.
  struct SplitTile {
    std::int64_t head;
    TokenRange keys, slots;
  };
  const std::vector<Segment>& segments() const { return segments_; }
  const std::vector<SplitTile>& split_tiles() const { return split_tiles_; }
  std::int64_t slots() const { return slots_; }

  /// Calls `visit(range)` for the fine queries of a segment, ascending.
  template <class Visit>
  void for_each_range(const Segment& segment, const Visit& visit) const {
    if (coarsest()) return visit(segment.entries);
    std::vector<std::int32_t> scratch;
    for (const std::int32_t t : parents_->queries(segment.head, segment.group, segment.entries, scratch))
      visit(options_->query.fine(level_ + 1, t));
  }

 private:
  bool coarsest() const { return level_ == options_->levels; }

  std::int64_t coarsest_segment(std::int64_t queries) const {
    const std::int64_t tiles = (options_->key.length(level_) + most_keys - 1) / most_keys;
    const std::int64_t segments = std::max<std::int64_t>(1, most_coarsest_segments / tiles);
    return std::max(segment_queries, (queries + segments - 1) / segments);
  }

  void add_tile(std::int64_t head, std::int64_t group, TokenRange keys) {
    const std::int64_t entries = coarsest() ? options_->query.tokens() : parents_->count(head, group);
    const std::int64_t span = coarsest() ? 1 : options_->query.span(level_ + 1);
    const std::int64_t each = std::max<std::int64_t>(1, coarsest() ? coarsest_segment(entries) : segment_queries / span);
    if (entries <= each) {
      segments_.push_back({head, group, keys, {0, entries}, -1});
      return;
    }
    const std::int64_t first_slot = slots_;
    for (std::int64_t begin = 0; begin < entries; begin += each)
      segments_.push_back({head, group, keys, {begin, std::min(begin + each, entries)}, slots_++});
    split_tiles_.push_back({head, keys, {first_slot, slots_}});
  }

  const ResolvedOptions* options_;
  int level_;
  const KeyQueries* parents_;
  std::vector<Segment> segments_;
  std::vector<SplitTile> split_tiles_;
  std::int64_t slots_ = 0;
};

}  // namespace llsa::reference

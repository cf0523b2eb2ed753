#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "llsa/options.hpp"
#include "reference/key_runs.hpp"
#include "reference/problem.hpp"
#include "reference/tile_rows.hpp"

namespace llsa::reference {

/// How the fine queries of a head are cut into tiles of at most `most_queries`: a tile lies under one level-2 query
/// token (L >= 2), so that all its queries share the coarse keys, and holds whole query blocks when a block fits.
class QueryTiles {
 public:
  static constexpr std::int64_t most_queries = 64;

  explicit QueryTiles(const ResolvedOptions& options)
      : tokens_(options.query.tokens()),
        group_(options.levels >= 2 ? std::min(options.query.span(2), tokens_) : tokens_),
        queries_(options.levels >= 1 && options.block_size <= most_queries
                     ? most_queries / options.block_size * options.block_size
                     : most_queries),
        tiles_per_group_((group_ + queries_ - 1) / queries_) {}

  std::int64_t count() const {
    const std::int64_t whole = tokens_ / group_, rest = tokens_ % group_;
    return whole * tiles_per_group_ + (rest + queries_ - 1) / queries_;
  }
  /// The tile that holds a query.
  std::int64_t holding(std::int64_t query) const {
    return query / group_ * tiles_per_group_ + query % group_ / queries_;
  }
  TokenRange tile(std::int64_t index) const {
    const std::int64_t group = index / tiles_per_group_ * group_;
    const std::int64_t begin = group + index % tiles_per_group_ * queries_;
    return {begin, std::min({begin + queries_, group + group_, tokens_})};
  }

 private:
  std::int64_t tokens_, group_, queries_, tiles_per_group_;
};

/// Query-major traversal: every tile of queries meets the keys it shares, then every query block in it its own.
/// Each thread works with a copy of `prototype`, which has `attend(runs, keys, values, first, last)`; `begin(tile,
/// head, queries)` and `end(tile, head)` load and store.
template <class T, class Tile, class Begin, class End>
void for_each_query_tile(const Tile& prototype, const AttendProblem<T>& problem, ThreadPool& threads,
                         const Begin& begin, const End& end) {
  const ResolvedOptions& options = problem.options;
  struct Worker {
    Tile tile;
    KeyRuns key_runs;
    std::vector<KeyRun> runs;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(threads.threads()),
                              Worker{prototype, KeyRuns(problem.selection, options), {}});
  const QueryTiles tiles(options);
  const TokenRange all = problem.queries.value_or(TokenRange{0, options.query.tokens()});
  if (all.size() == 0) return;
  const std::int64_t first_tile = tiles.holding(all.begin), count = tiles.holding(all.end - 1) + 1 - first_tile;
  threads.parallel_for(problem.query_heads() * count, [&](std::int64_t item, int worker) {
    auto& [tile, key_runs, runs] = workers[static_cast<std::size_t>(worker)];
    const std::int64_t head = item / count;
    const TokenRange tile_queries = tiles.tile(first_tile + item % count);
    const TokenRange queries{std::max(tile_queries.begin, all.begin), std::min(tile_queries.end, all.end)};
    const std::int64_t key_head = options.key_head(head);
    const LevelRows<T> keys(problem.key, problem.coarse_key, key_head, problem.key_places);
    const LevelRows<T> values(problem.value, problem.coarse_value, key_head, problem.key_places);
    begin(tile, head, queries);
    key_runs.shared(head, queries.begin, runs);
    tile.attend(runs, keys, values, queries.begin, queries.end);
    for (std::int64_t first = queries.begin; options.levels > 0 && first < queries.end;) {
      const std::int64_t block = options.query.ancestor(1, first);
      const std::int64_t last = std::min(options.query.fine(1, block).end, queries.end);
      key_runs.own(head, block, runs);
      tile.attend(runs, keys, values, first, last);
      first = last;
    }
    end(tile, head);
  });
}

}  // namespace llsa::reference

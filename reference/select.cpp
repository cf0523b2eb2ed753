#include "reference/select.hpp"

#include <algorithm>
#include <array>

#include "reference/top_k.hpp"

namespace llsa::reference {
namespace {

/// The selection of sibling query tokens (they share a parent and so their candidates), one tile of them at a time.
template <class C>
class SiblingSelector {
 public:
  static constexpr int W = lanes<C>;
  static constexpr std::int64_t most_queries = 4 * W;
  static constexpr std::int64_t chunk_keys = 512;

  explicit SiblingSelector(std::int64_t dim)
      : dim_(dim), tile_(dim * most_queries), scores_(chunk_keys * most_queries) {}

  /// `candidates` ascend. Writes the lists of `queries`.
  void select(const HeadView<const C>& query, TokenRange queries, const HeadView<const C>& key,
              const std::vector<std::int32_t>& candidates, LevelSelection& lists, std::int64_t head) {
    columns_ = round_up(queries.size(), W);
    load_tile(query, queries.begin, queries.size(), C{1}, tile_.data(), columns_);
    const bool by_lanes = lists.width <= LaneTopK<C>::most;
    if (by_lanes)
      for (auto& each : lane_top_) each.reset(lists.width);
    else
      for (auto& each : stream_top_) each.reset(lists.width);

    const auto token = [&](std::int64_t i) { return candidates[static_cast<std::size_t>(i)]; };
    const auto total = static_cast<std::int64_t>(candidates.size());
    for (std::int64_t first = 0, last; first < total; first = last) {
      last = first + 1;
      while (last < total && last - first < chunk_keys && token(last) == token(last - 1) + 1) ++last;
      const Rows<C> rows{key.row(token(first)), key.token_stride, last - first};
      rows_times_tile(rows, dim_, tile_.data(), columns_, static_cast<int>(columns_ / W), scores_.data(), columns_);
      if (by_lanes)
        offer_lanes(token(first), rows.count);
      else
        offer_streams(token(first), rows.count, queries.size());
    }
    for (std::int64_t c = 0; c < queries.size(); ++c) {
      std::int32_t* row = lists.row(head, queries.begin + c).data();
      if (by_lanes)
        for (std::int64_t i = 0; i < lists.width; ++i)
          row[i] = lane_top_[static_cast<std::size_t>(c / W)].token(i, static_cast<int>(c % W));
      else
        stream_top_[static_cast<std::size_t>(c)].write(row);
    }
  }

 private:
  void offer_lanes(std::int32_t first, std::int64_t count) {
    for (std::int64_t v = 0; v < columns_ / W; ++v)
      for (std::int64_t j = 0; j < count; ++j)
        lane_top_[static_cast<std::size_t>(v)].offer(load(scores_.data() + j * columns_ + v * W), first + j);
  }

  void offer_streams(std::int32_t first, std::int64_t count, std::int64_t queries) {
    for (std::int64_t j = 0; j < count; ++j)
      for (std::int64_t c = 0; c < queries; ++c)
        stream_top_[static_cast<std::size_t>(c)].offer(scores_[j * columns_ + c], first + static_cast<std::int32_t>(j));
  }

  std::int64_t dim_, columns_ = 0;
  Buffer<C> tile_, scores_;
  std::array<LaneTopK<C>, most_queries / W> lane_top_;
  std::array<StreamTopK<C>, most_queries> stream_top_;
};

}  // namespace

template <class C>
void select_level(const Pyramid<C>& query, const Pyramid<C>& key, const ResolvedOptions& options, int level,
                  TokenRange fine, Selection& selection, ThreadPool& threads) {
  if (fine.size() == 0) return;
  const Shape& shape = query.coarse[static_cast<std::size_t>(level - 1)].shape();
  struct Worker {
    SiblingSelector<C> selector;
    std::vector<std::int32_t> candidates;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(threads.threads()), Worker{SiblingSelector<C>(shape.dim), {}});
  const TokenRange wanted{options.query.ancestor(level, fine.begin), options.query.ancestor(level, fine.end - 1) + 1};
  // Siblings share a parent's list; at the coarsest level all queries have the same candidates.
  const std::int64_t length = options.query.length(level);
  const std::int64_t siblings = level == options.levels ? length : std::min(options.block_size, length);
  const std::int64_t tile = std::min(siblings, SiblingSelector<C>::most_queries);
  const std::int64_t tiles = (siblings + tile - 1) / tile, parents = (length + siblings - 1) / siblings;
  threads.parallel_for(shape.batch * shape.heads * parents * tiles, [&](std::int64_t item, int worker) {
    auto& [selector, candidate_list] = workers[static_cast<std::size_t>(worker)];
    const std::int64_t head = item / (parents * tiles), parent = item / tiles % parents;
    const std::int64_t begin = parent * siblings + item % tiles * tile;
    const TokenRange queries{std::max(begin, wanted.begin),
                             std::min({begin + tile, (parent + 1) * siblings, wanted.end})};
    if (queries.begin >= queries.end) return;
    candidates(selection, options, level, head, queries.begin, candidate_list);
    std::sort(candidate_list.begin(), candidate_list.end());
    selector.select(query.level(level).head(head), queries, key.level(level).head(options.key_head(head)),
                    candidate_list, selection.level(level), head);
  });
}

template <class C>
Selection select(const Pyramid<C>& query, const Pyramid<C>& key, const ResolvedOptions& options, ThreadPool& threads) {
  if (options.levels == 0) return {};
  const Shape& shape = query.coarse.front().shape();
  Selection selection(shape.batch * shape.heads, options);
  for (int level = options.levels; level >= 1; --level)
    select_level(query, key, options, level, {0, options.query.tokens()}, selection, threads);
  return selection;
}

#define LLSA_INSTANTIATE(C)                                                                                 \
  template Selection select(const Pyramid<C>&, const Pyramid<C>&, const ResolvedOptions&, ThreadPool&);     \
  template void select_level(const Pyramid<C>&, const Pyramid<C>&, const ResolvedOptions&, int, TokenRange, \
                             Selection&, ThreadPool&);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
#undef LLSA_INSTANTIATE

}  // namespace llsa::reference

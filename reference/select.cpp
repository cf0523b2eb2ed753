#include "reference/select.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/tile_rows.hpp"

namespace llsa::reference {
namespace {

template <class C>
struct Scored {
  C score;
  std::int64_t order;  // the key token; NaN scores are moved behind all others
  std::int32_t token;

  friend bool operator<(const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score > b.score : a.order < b.order;
  }
};

/// The best `width` of a stream of candidates: a buffer twice that size, cut back to its best half whenever it is full, so
/// that a candidate costs O(1) whatever K is and most fail one comparison.
template <class C>
class TopK {
 public:
  void reset(std::int64_t width) {
    width_ = static_cast<std::size_t>(width);
    best_.clear();
    full_ = false;
  }

  void offer(C score, std::int32_t token) {
    Scored<C> scored{score, token, token};
    if (std::isnan(score)) {
      scored.score = -std::numeric_limits<C>::infinity();
      scored.order += std::int64_t{1} << 32;
    }
    if (full_ && !(scored < worst_)) return;
    best_.push_back(scored);
    if (best_.size() >= 2 * width_ + 8) cut();
  }

  /// Best first.
  const std::vector<Scored<C>>& sorted() {
    if (best_.size() > width_) cut();
    std::sort(best_.begin(), best_.end());
    return best_;
  }

 private:
  void cut() {
    const auto last = best_.begin() + static_cast<std::ptrdiff_t>(width_ - 1);
    std::nth_element(best_.begin(), last, best_.end());
    worst_ = *last;
    best_.resize(width_);
    full_ = true;
  }

  std::size_t width_ = 1;
  bool full_ = false;
  Scored<C> worst_{};
  std::vector<Scored<C>> best_;
};

/// The selection of sibling query tokens (they share a parent and so their candidates), one tile of them at a time.
template <class C>
class SiblingSelector {
 public:
  static constexpr std::int64_t most_queries = 4 * lanes<C>;
  static constexpr std::int64_t chunk_keys = 512;

  explicit SiblingSelector(std::int64_t dim) : dim_(dim), tile_(dim * most_queries), scores_(chunk_keys * most_queries) {}

  void select(const HeadView<const C>& query, TokenRange queries, const HeadView<const C>& key,
              const std::vector<std::int32_t>& candidates, LevelSelection& lists, std::int64_t head) {
    const std::int64_t columns = round_up(queries.size(), lanes<C>);
    load_tile(query, queries.begin, queries.size(), C{1}, tile_.data(), columns);
    ranked_.resize(static_cast<std::size_t>(queries.size()));
    for (auto& each : ranked_) each.reset(lists.width);
    const auto total = static_cast<std::int64_t>(candidates.size());
    for (std::int64_t first = 0; first < total;) {
      // Candidates come in ascending runs; each run's keys stand side by side.
      std::int64_t last = first + 1;
      while (last < total && last - first < chunk_keys && at(candidates, last) == at(candidates, last - 1) + 1) ++last;
      const Rows<C> rows{key.row(at(candidates, first)), key.token_stride, last - first};
      rows_times_tile(rows, dim_, tile_.data(), columns, static_cast<int>(columns / lanes<C>), scores_.data(), columns);
      for (std::int64_t j = 0; j < last - first; ++j)
        for (std::int64_t c = 0; c < queries.size(); ++c)
          ranked_[static_cast<std::size_t>(c)].offer(scores_[j * columns + c], at(candidates, first + j));
      first = last;
    }
    for (std::int64_t c = 0; c < queries.size(); ++c) {
      const auto& ranked = ranked_[static_cast<std::size_t>(c)].sorted();
      const auto row = lists.row(head, queries.begin + c);
      for (std::size_t i = 0; i < ranked.size(); ++i) row[i] = ranked[i].token;
    }
  }

 private:
  static std::int32_t at(const std::vector<std::int32_t>& v, std::int64_t i) { return v[static_cast<std::size_t>(i)]; }

  std::int64_t dim_;
  Buffer<C> tile_, scores_;
  std::vector<TopK<C>> ranked_;
};

}  // namespace

template <class C>
Selection select(const Pyramid<C>& query, const Pyramid<C>& key, const ResolvedOptions& options, ThreadPool& threads) {
  if (options.levels == 0) return {};
  const Shape& shape = query.coarse.front().shape();
  const std::int64_t heads = shape.batch * shape.heads;
  Selection selection(heads, options);
  struct Worker {
    SiblingSelector<C> selector;
    std::vector<std::int32_t> candidates;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(threads.threads()), Worker{SiblingSelector<C>(shape.dim), {}});

  for (int level = options.levels; level >= 1; --level) {
    // Siblings share a parent's list; at the coarsest level all queries have the same candidates.
    const std::int64_t length = options.query.length(level);
    const std::int64_t siblings = level == options.levels ? length : std::min(options.block_size, length);
    const std::int64_t tile = std::min(siblings, SiblingSelector<C>::most_queries);
    const std::int64_t tiles = (siblings + tile - 1) / tile, parents = (length + siblings - 1) / siblings;
    threads.parallel_for(heads * parents * tiles, [&](std::int64_t item, int worker) {
      auto& [selector, candidate_list] = workers[static_cast<std::size_t>(worker)];
      const std::int64_t head = item / (parents * tiles), parent = item / tiles % parents;
      const std::int64_t begin = parent * siblings + item % tiles * tile;
      const TokenRange queries{begin, std::min({begin + tile, (parent + 1) * siblings, length})};
      if (queries.begin >= queries.end) return;
      candidates(selection, options, level, head, queries.begin, candidate_list);
      selector.select(query.level(level).head(head), queries, key.level(level).head(head), candidate_list,
                      selection.level(level), head);
    });
  }
  return selection;
}

template Selection select(const Pyramid<float>&, const Pyramid<float>&, const ResolvedOptions&, ThreadPool&);
template Selection select(const Pyramid<double>&, const Pyramid<double>&, const ResolvedOptions&, ThreadPool&);

}  // namespace llsa::reference

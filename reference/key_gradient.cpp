#include <vector>

#include "reference/dense_gradient.hpp"
#include "reference/gradients.hpp"
#include "reference/key_plan.hpp"

namespace llsa::reference {
namespace {

constexpr std::int64_t chunk_queries = 128;

/// One thread's work on one tile of keys: the mirror image of the query-major tiles. Keys stand in the vector lanes,
/// the queries that attend to them stream past, and dK and dV grow in the tile.
template <class T>
class KeyTile {
 public:
  using C = Accumulate<T>;
  static constexpr int W = lanes<C>;
  static constexpr std::int64_t max_columns = round_up(KeyPlan::most_keys, W);

  KeyTile(const ResolvedOptions& options, int level, std::int64_t dim, std::int64_t value_dim)
      : options_(&options),
        level_(level),
        dim_(dim),
        value_dim_(value_dim),
        log_weight_(options),
        key_(dim * max_columns),
        value_(value_dim * max_columns),
        gradients_((dim + value_dim) * max_columns),
        log_weights_(max_columns),
        query_scratch_(chunk_queries * dim),
        output_scratch_(chunk_queries * value_dim),
        scores_(chunk_queries * max_columns),
        probability_gradients_(chunk_queries * max_columns),
        refined_(max_columns) {}

  void begin(const LevelRows<T>& keys, const LevelRows<T>& values, TokenRange tokens) {
    tokens_ = tokens;
    columns_ = round_up(tokens.size(), W);
    keys.tile(level_, tokens.begin, tokens.size(), static_cast<C>(base2_scale(*options_)), key_.data(), columns_);
    values.tile(level_, tokens.begin, tokens.size(), C{1}, value_.data(), columns_);
    log_weights_.setZero();
    for (std::int64_t c = 0; c < tokens.size(); ++c)
      log_weights_[c] = static_cast<C>(log_weight_(level_, tokens.begin + c));
    gradients_.head((dim_ + value_dim_) * columns_).setZero();
    refine({});
  }

  /// The fine queries of `range` attend to the tile, but for the keys that they refined (disjoint coverage).
  void visit(TokenRange range, const HeadView<const T>& query, const HeadView<const T>& output_gradient,
             const Places& places, const Selection& selection, std::int64_t head) {
    const bool disjoint = options_->coverage == Coverage::disjoint && level_ >= 1;
    while (range.begin < range.end) {
      TokenRange part = range;
      if (disjoint) {
        // Queries under one token of this level refined the same keys: they are a chunk of their own.
        const std::int64_t t = options_->query.ancestor(level_, range.begin);
        part.end = std::min(range.end, options_->query.fine(level_, t).end);
        if (!same_refinement(selection.list(level_, head, t))) {
          flush();
          refine(selection.list(level_, head, t));
        }
      }
      gather(part, query, output_gradient, places, head);
      range.begin = part.end;
    }
  }

  void set_statistics(const QueryStatistics<C>& statistics) { statistics_ = &statistics; }

  /// Finishes the sums: dK (without the factor `scale`) at `[0, dim)`, dV behind it, each row `columns()` long.
  const Buffer<C>& end() {
    flush();
    gradients_.head(dim_ * columns_) *= static_cast<C>(options_->scale);
    return gradients_;
  }
  std::int64_t columns() const { return columns_; }

 private:
  void gather(TokenRange range, const HeadView<const T>& query, const HeadView<const T>& output_gradient,
              const Places& places, std::int64_t head) {
    while (range.begin < range.end) {
      const std::int64_t row = places.row(head, range.begin);
      const std::int64_t count = std::min(range.size(), chunk_queries - size_);
      queries_.push_back(rows_of<C>(query, row, count, query_scratch_.data() + size_ * dim_));
      output_gradients_.push_back(rows_of<C>(output_gradient, row, count, output_scratch_.data() + size_ * value_dim_));
      rows_.push_back({head * query.tokens + row, head * query.tokens + row + count});
      size_ += count;
      range.begin += count;
      if (size_ == chunk_queries) flush();
    }
  }

  bool same_refinement(std::span<const std::int32_t> list) const {
    for (std::int64_t c = 0; c < tokens_.size(); ++c) {
      const bool now = std::find(list.begin(), list.end(), tokens_.begin + c) != list.end();
      if (now != (refined_[c] != 0)) return false;
    }
    return true;
  }

  void refine(std::span<const std::int32_t> list) {
    refined_.setZero();
    any_refined_ = false;
    for (const std::int32_t c : list)
      if (c >= tokens_.begin && c < tokens_.end) refined_[c - tokens_.begin] = any_refined_ = true;
  }

  void flush() {
    if (size_ == 0) return;
    for (std::int64_t v = 0; v < columns_ / W; v += 2) {
      const int vectors = static_cast<int>(std::min<std::int64_t>(2, columns_ / W - v));
      pieces_times_tile(queries_, dim_, key_.data() + v * W, columns_, vectors, scores_.data(), 2 * W);
      pieces_times_tile(output_gradients_, value_dim_, value_.data() + v * W, columns_, vectors,
                        probability_gradients_.data(), 2 * W);
      Mask<C> masks[2];
      for (int i = 0; i < vectors; ++i) {
        probabilities_and_score_gradients(i, (v + i) * W);
        for (int lane = 0; lane < W; ++lane) masks[i][lane] = refined_[(v + i) * W + lane] ? 0 : -1;
      }
      rows_transposed_times_tile(queries_.data(), queries_.size(), dim_, probability_gradients_.data(), 2 * W, vectors,
                                 gradients_.data() + v * W, columns_, any_refined_ ? masks : nullptr);
      rows_transposed_times_tile(output_gradients_.data(), output_gradients_.size(), value_dim_, scores_.data(), 2 * W,
                                 vectors, gradients_.data() + dim_ * columns_ + v * W, columns_,
                                 any_refined_ ? masks : nullptr);
    }
    queries_.clear();
    output_gradients_.clear();
    rows_.clear();
    size_ = 0;
  }

  /// For vector i of the pair: scores become P, products become dS.
  void probabilities_and_score_gradients(int i, std::int64_t column) {
    const Vector<C> log_weights = load(log_weights_.data() + column);
    C* score = scores_.data() + i * W;
    C* product = probability_gradients_.data() + i * W;
    for (const TokenRange& rows : rows_)
      for (std::int64_t row = rows.begin; row < rows.end; ++row, score += 2 * W, product += 2 * W) {
        const Vector<C> p = exp2(load(score) + log_weights - statistics_->lse2[row]);
        store(score, p);
        store(product, p * (load(product) - statistics_->delta[row]));
      }
  }

  const ResolvedOptions* options_;
  int level_;
  std::int64_t dim_, value_dim_, columns_ = 0, size_ = 0;
  LogWeights log_weight_;
  TokenRange tokens_;
  const QueryStatistics<C>* statistics_ = nullptr;
  Buffer<C> key_, value_, gradients_, log_weights_, query_scratch_, output_scratch_, scores_, probability_gradients_;
  Buffer<LaneInt<C>> refined_;
  bool any_refined_ = false;
  std::vector<Rows<C>> queries_, output_gradients_;
  std::vector<TokenRange> rows_;  // of the statistics, in step with `queries_`
};

}  // namespace

template <class T>
void key_gradient(const AttendBackwardParams<T>& params, int level, const QueryStatistics<Accumulate<T>>& statistics,
                  const KeyGradientSink<Accumulate<T>>& sink, ThreadPool& threads, std::optional<TokenRange> own) {
  using C = Accumulate<T>;
  const AttendProblem<T>& p = params.problem;
  const ResolvedOptions& options = p.options;
  const std::int64_t dim = p.key.shape.dim, value_dim = p.value.shape.dim;
  std::unique_ptr<KeyQueries> parents;
  if (level < options.levels)
    parents = key_queries(params.key_major, p.selection.level(level + 1), options.key.length(level + 1), threads);
  const KeyPlan plan(options, level, p.key_heads(), parents.get(), own);

  std::vector<KeyTile<T>> tiles(static_cast<std::size_t>(threads.threads()),
                                KeyTile<T>(options, level, dim, value_dim));
  const std::int64_t place_size = (dim + value_dim) * KeyTile<T>::max_columns;
  Buffer<C> partial_sums(plan.places() * place_size);

  threads.parallel_for(static_cast<std::int64_t>(plan.parts().size()), [&](std::int64_t item, int worker) {
    const KeyPlan::Part& part = plan.parts()[static_cast<std::size_t>(item)];
    KeyTile<T>& tile = tiles[static_cast<std::size_t>(worker)];
    const LevelRows<T> keys(p.key, p.coarse_key, part.head, p.key_places);
    const LevelRows<T> values(p.value, p.coarse_value, part.head, p.key_places);
    const std::int64_t columns = round_up(part.keys.size(), lanes<C>), size = (dim + value_dim) * columns;
    tile.set_statistics(statistics);
    tile.begin(keys, values, part.keys);
    bool first = true;
    const auto finish = [&] {
      const Buffer<C>& gradients = tile.end();
      if (part.place < 0)
        sink(part.head, part.keys.begin, part.keys.size(), gradients.data(), gradients.data() + dim * columns, columns);
      else if (first)
        partial_sums.segment(part.place * place_size, size) = gradients.head(size);
      else
        partial_sums.segment(part.place * place_size, size) += gradients.head(size);
      first = false;
    };
    bool waiting = true;  // for queries, or for what follows a segment
    plan.for_each_range(part, [&](std::int64_t query_head, TokenRange range) {
      if (plan.coarsest() && !waiting) {
        finish();
        tile.begin(keys, values, part.keys);
      }
      waiting = false;
      tile.visit(range, p.query.head(query_head), params.output_gradient.head(query_head), p.query_places, p.selection,
                 query_head);
    });
    finish();
  });

  threads.parallel_for(static_cast<std::int64_t>(plan.split_tiles().size()), [&](std::int64_t item, int) {
    const KeyPlan::SplitTile& tile = plan.split_tiles()[static_cast<std::size_t>(item)];
    const std::int64_t columns = round_up(tile.keys.size(), lanes<C>), size = (dim + value_dim) * columns;
    auto sum = partial_sums.segment(tile.places.begin * place_size, size);
    for (std::int64_t place = tile.places.begin + 1; place < tile.places.end; ++place)
      sum += partial_sums.segment(place * place_size, size);
    sink(tile.head, tile.keys.begin, tile.keys.size(), sum.data(), sum.data() + dim * columns, columns);
  });
}

template <class T>
void segment_gradient(const AttendBackwardParams<T>& params, const QueryStatistics<Accumulate<T>>& statistics,
                      TokenRange segments, const TensorView<Accumulate<T>>& key, const TensorView<Accumulate<T>>& value,
                      ThreadPool& threads) {
  using C = Accumulate<T>;
  const AttendProblem<T>& p = params.problem;
  const ResolvedOptions& options = p.options;
  const int level = options.levels;
  if (level == 0) return dense_segment_gradient(params, statistics, segments, key, value, threads);
  const std::int64_t length = options.key.length(level), tiles = (length + KeyPlan::most_keys - 1) / KeyPlan::most_keys;
  std::vector<KeyTile<T>> workers(static_cast<std::size_t>(threads.threads()),
                                  KeyTile<T>(options, level, p.key.shape.dim, p.value.shape.dim));
  threads.parallel_for(p.query_heads() * segments.size() * tiles, [&](std::int64_t item, int worker) {
    const std::int64_t row = item / tiles, head = row / segments.size(), first = item % tiles * KeyPlan::most_keys;
    const TokenRange tokens{first, std::min(first + KeyPlan::most_keys, length)};
    KeyTile<T>& tile = workers[static_cast<std::size_t>(worker)];
    const std::int64_t key_head = options.key_head(head);
    tile.set_statistics(statistics);
    tile.begin(LevelRows<T>(p.key, p.coarse_key, key_head, p.key_places),
               LevelRows<T>(p.value, p.coarse_value, key_head, p.key_places), tokens);
    tile.visit(KeyPlan::segment(options, segments.begin + row % segments.size()), p.query.head(head),
               params.output_gradient.head(head), p.query_places, p.selection, head);
    const C* gradients = tile.end().data();
    store_tile(gradients, tile.columns(), tokens.size(), key.head(row), first);
    store_tile(gradients + p.key.shape.dim * tile.columns(), tile.columns(), tokens.size(), value.head(row), first);
  });
}

#define LLSA_INSTANTIATE(T)                                                                                         \
  template void key_gradient(const AttendBackwardParams<T>&, int, const QueryStatistics<Accumulate<T>>&,            \
                             const KeyGradientSink<Accumulate<T>>&, ThreadPool&, std::optional<TokenRange>);        \
  template void segment_gradient(const AttendBackwardParams<T>&, const QueryStatistics<Accumulate<T>>&, TokenRange, \
                                 const TensorView<Accumulate<T>>&, const TensorView<Accumulate<T>>&, ThreadPool&);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa::reference

#include "reference/gradients.hpp"
#include "reference/key_chunk.hpp"
#include "reference/query_tiles.hpp"

namespace llsa::reference {
namespace {

/// One thread's work on one tile of queries: as in `attend`, with the softmax known from LSE.
template <class T>
class QueryGradientTile {
 public:
  using C = Accumulate<T>;
  static constexpr int W = lanes<C>;
  static constexpr std::int64_t max_columns = round_up(QueryTiles::most_queries, W);

  QueryGradientTile(const ResolvedOptions& options, std::int64_t dim, std::int64_t value_dim)
      : options_(&options),
        dim_(dim),
        value_dim_(value_dim),
        chunk_(options, dim, value_dim),
        query_(dim * max_columns),
        output_gradient_(value_dim * max_columns),
        gradient_(dim * max_columns),
        lse2_(max_columns),
        delta_(max_columns),
        scores_(chunk_.capacity * 2 * W),
        probability_gradients_(chunk_.capacity * 2 * W) {}

  void begin(const HeadView<const T>& query, const HeadView<const T>& output_gradient,
             const QueryStatistics<C>& statistics, std::int64_t head, TokenRange queries, std::int64_t row) {
    queries_ = queries;
    row_ = row;
    columns_ = round_up(queries.size(), W);
    const std::int64_t size = queries.size(), at = head * query.tokens + row;
    load_tile(query, row, size, static_cast<C>(base2_scale(*options_)), query_.data(), columns_);
    load_tile(output_gradient, row, size, C{1}, output_gradient_.data(), columns_);
    gradient_.head(dim_ * columns_).setZero();
    lse2_.setZero();
    delta_.setZero();
    lse2_.head(size) = statistics.lse2.segment(at, size);
    delta_.head(size) = statistics.delta.segment(at, size);
  }

  void attend(const std::vector<KeyRun>& runs, const LevelRows<T>& keys, const LevelRows<T>& values, std::int64_t first,
              std::int64_t last) {
    chunk_.gather(runs, keys, values, [&] { attend_chunk(first - queries_.begin, last - queries_.begin); });
  }

  void end(const HeadView<T>& gradient) {
    gradient_.head(dim_ * columns_) *= static_cast<C>(options_->scale);
    store_tile(gradient_.data(), columns_, queries_.size(), gradient, row_);
  }

 private:
  void attend_chunk(std::int64_t begin, std::int64_t end) {
    const std::int64_t v_end = (end + W - 1) / W;
    for (std::int64_t v = begin / W; v < v_end; v += 2) {
      const int vectors = static_cast<int>(std::min<std::int64_t>(2, v_end - v));
      pieces_times_tile(chunk_.keys(), dim_, query_.data() + v * W, columns_, vectors, scores_.data(), 2 * W);
      pieces_times_tile(chunk_.values(), value_dim_, output_gradient_.data() + v * W, columns_, vectors,
                        probability_gradients_.data(), 2 * W);
      Mask<C> masks[2];
      bool whole = true;
      for (int i = 0; i < vectors; ++i) {
        whole &= lanes_of<C>((v + i) * W, begin, end, queries_.size(), masks[i]);
        score_gradient(i, (v + i) * W);
      }
      rows_transposed_times_tile(chunk_.keys().data(), chunk_.keys().size(), dim_, scores_.data(), 2 * W, vectors,
                                 gradient_.data() + v * W, columns_, whole ? nullptr : masks);
    }
  }

  /// Scores become dS in place, for vector i of the pair.
  void score_gradient(int i, std::int64_t column) {
    const Vector<C> lse2 = load(lse2_.data() + column), delta = load(delta_.data() + column);
    const C* log_weights = chunk_.log_weights();
    for (std::int64_t j = 0; j < chunk_.size(); ++j) {
      C* score = scores_.data() + j * 2 * W + i * W;
      const Vector<C> s = log_weights ? load(score) + log_weights[j] : load(score);
      store(score, exp2(s - lse2) * (load(probability_gradients_.data() + j * 2 * W + i * W) - delta));
    }
  }

  const ResolvedOptions* options_;
  std::int64_t dim_, value_dim_, columns_ = 0, row_ = 0;
  TokenRange queries_;
  KeyChunk<T> chunk_;
  Buffer<C> query_, output_gradient_, gradient_, lse2_, delta_, scores_, probability_gradients_;
};

}  // namespace

template <class T>
QueryStatistics<Accumulate<T>> query_statistics(const AttendBackwardParams<T>& params, ThreadPool& threads) {
  using C = Accumulate<T>;
  const Shape& shape = params.output.shape;
  const std::int64_t rows = shape.batch * shape.heads * shape.tokens;
  QueryStatistics<C> statistics{Buffer<C>(rows), Buffer<C>(rows)};
  constexpr std::int64_t tokens_per_item = 256;
  const std::int64_t items_per_head = (shape.tokens + tokens_per_item - 1) / tokens_per_item;
  threads.parallel_for(shape.batch * shape.heads * items_per_head, [&](std::int64_t item, int) {
    const std::int64_t head = item / items_per_head, first = item % items_per_head * tokens_per_item;
    const auto output = params.output.head(head);
    const auto output_gradient = params.output_gradient.head(head);
    const auto lse = params.lse.head(head);
    for (std::int64_t i = first; i < std::min(first + tokens_per_item, shape.tokens); ++i) {
      C delta = params.lse_gradient.data ? -params.lse_gradient.head(head)(i, 0) : C{0};
      for (std::int64_t d = 0; d < shape.dim; ++d)
        // fma, so that the sum rounds alike whether or not the compiler vectorises the loop for unit strides.
        delta = std::fma(static_cast<C>(output(i, d)), static_cast<C>(output_gradient(i, d)), delta);
      statistics.delta[head * shape.tokens + i] = delta;
      statistics.lse2[head * shape.tokens + i] = lse(i, 0) * std::numbers::log2e_v<C>;
    }
  });
  return statistics;
}

template <class T>
void query_gradient(const AttendBackwardParams<T>& params, const QueryStatistics<Accumulate<T>>& statistics,
                    ThreadPool& threads) {
  using Tile = QueryGradientTile<T>;
  const AttendProblem<T>& p = params.problem;
  for_each_query_tile(
      Tile(p.options, p.query.shape.dim, p.value.shape.dim), p, threads,
      [&](Tile& tile, std::int64_t head, TokenRange queries) {
        tile.begin(p.query.head(head), params.output_gradient.head(head), statistics, head, queries,
                   p.query_places.row(head, queries.begin));
      },
      [&](Tile& tile, std::int64_t head) { tile.end(params.query_gradient.head(head)); });
}

#define LLSA_INSTANTIATE(T)                                                                              \
  template QueryStatistics<Accumulate<T>> query_statistics(const AttendBackwardParams<T>&, ThreadPool&); \
  template void query_gradient(const AttendBackwardParams<T>&, const QueryStatistics<Accumulate<T>>&, ThreadPool&);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa::reference

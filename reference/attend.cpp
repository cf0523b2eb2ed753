#include "reference/attend.hpp"

#include <limits>

#include "reference/key_chunk.hpp"
#include "reference/query_tiles.hpp"

namespace llsa::reference {
namespace {

/// One thread's work on one tile of queries: the tile stands in the vector lanes, keys stream past in chunks, and each
/// lane keeps a running maximum, sum and weighted value sum (online softmax).
template <class T>
class QueryTile {
 public:
  using C = Accumulate<T>;
  static constexpr int W = lanes<C>;
  static constexpr std::int64_t max_columns = round_up(QueryTiles::most_queries, W);

  QueryTile(const ResolvedOptions& options, std::int64_t dim, std::int64_t value_dim)
      : scale_(static_cast<C>(base2_scale(options))),
        dim_(dim),
        value_dim_(value_dim),
        chunk_(options, dim, value_dim),
        query_(dim * max_columns),
        output_(value_dim * max_columns),
        scores_(chunk_.capacity * 2 * W),
        maximum_(max_columns),
        sum_(max_columns) {}

  /// `row` is where the first query stands in `query`, and in what `end` writes.
  void begin(const HeadView<const T>& query, TokenRange queries, std::int64_t row) {
    queries_ = queries;
    row_ = row;
    columns_ = round_up(queries.size(), W);
    load_tile(query, row, queries.size(), scale_, query_.data(), columns_);
    output_.head(value_dim_ * columns_).setZero();
    maximum_.setConstant(-std::numeric_limits<C>::infinity());
    sum_.setZero();
  }

  /// Lets the queries `[first, last)` of the tile attend to `runs`.
  void attend(const std::vector<KeyRun>& runs, const LevelRows<T>& keys, const LevelRows<T>& values, std::int64_t first,
              std::int64_t last) {
    chunk_.gather(runs, keys, values, [&] { attend_chunk(first - queries_.begin, last - queries_.begin); });
  }

  void end(const HeadView<T>& output, const HeadView<C>& lse) {
    for (std::int64_t d = 0; d < value_dim_; ++d)
      for (std::int64_t c = 0; c < columns_; c += W) {
        C* place = output_.data() + d * columns_ + c;
        store(place, load(place) / load(sum_.data() + c));
      }
    store_tile(output_.data(), columns_, queries_.size(), output, row_);
    for (std::int64_t c = 0; c < queries_.size(); ++c)
      lse(row_ + c, 0) = (maximum_[c] + std::log2(sum_[c])) * std::numbers::ln2_v<C>;
  }

 private:
  /// Columns `[begin, end)` attend to the gathered chunk.
  void attend_chunk(std::int64_t begin, std::int64_t end) {
    const std::int64_t v_begin = begin / W, v_end = (end + W - 1) / W;
    for (std::int64_t v = v_begin; v < v_end; v += 2) {
      const int vectors = static_cast<int>(std::min<std::int64_t>(2, v_end - v));
      C* scores = scores_.data();
      pieces_times_tile(chunk_.keys(), dim_, query_.data() + v * W, columns_, vectors, scores, 2 * W);
      Mask<C> masks[2];
      bool whole = true;
      for (int i = 0; i < vectors; ++i) {
        const bool all = lanes_of<C>((v + i) * W, begin, end, queries_.size(), masks[i]);
        softmax_step(scores + i * W, (v + i) * W, all ? nullptr : &masks[i]);
        whole &= all;
      }
      rows_transposed_times_tile(chunk_.values().data(), chunk_.values().size(), value_dim_, scores, 2 * W, vectors,
                                 output_.data() + v * W, columns_, whole ? nullptr : masks);
    }
  }

  /// Turns one vector's scores (row stride 2W) into unnormalised probabilities and rescales what was summed before.
  void softmax_step(C* scores, std::int64_t column, const Mask<C>* mask) {
    const Vector<C> lowest = broadcast(-std::numeric_limits<C>::infinity());
    const Vector<C> old_maximum = load(maximum_.data() + column);
    const C* log_weights = chunk_.log_weights();
    Vector<C> maximum = old_maximum;
    for (std::int64_t j = 0; j < chunk_.size(); ++j) {
      Vector<C> s = load(scores + j * 2 * W);
      if (log_weights) s += log_weights[j];
      if (mask) s = *mask ? s : lowest;
      if (log_weights || mask) store(scores + j * 2 * W, s);
      maximum = s > maximum ? s : maximum;  // a NaN score loses here and shows in the sum
    }
    const Vector<C> base = maximum == lowest ? Vector<C>{} : maximum;
    Vector<C> sum{};
    for (std::int64_t j = 0; j < chunk_.size(); ++j) {
      const Vector<C> p = exp2(load(scores + j * 2 * W) - base);
      store(scores + j * 2 * W, p);
      sum += p;
    }
    const Vector<C> shrink = exp2(old_maximum - base);
    store(sum_.data() + column, load(sum_.data() + column) * shrink + sum);
    store(maximum_.data() + column, maximum);
    for (std::int64_t d = 0; d < value_dim_; ++d) {
      C* place = output_.data() + d * columns_ + column;
      store(place, load(place) * shrink);
    }
  }

  C scale_;
  std::int64_t dim_, value_dim_, columns_ = 0, row_ = 0;
  TokenRange queries_;
  KeyChunk<T> chunk_;
  Buffer<C> query_, output_, scores_, maximum_, sum_;
};

}  // namespace

template <class T>
void attend(const AttendParams<T>& params, ThreadPool& threads) {
  using Tile = QueryTile<T>;
  const AttendProblem<T>& p = params.problem;
  for_each_query_tile(
      Tile(p.options, p.query.shape.dim, p.value.shape.dim), p, threads,
      [&](Tile& tile, std::int64_t head, TokenRange queries) {
        tile.begin(p.query.head(head), queries, p.query_places.row(head, queries.begin));
      },
      [&](Tile& tile, std::int64_t head) { tile.end(params.output.head(head), params.lse.head(head)); });
}

template void attend(const AttendParams<float>&, ThreadPool&);
template void attend(const AttendParams<double>&, ThreadPool&);
template void attend(const AttendParams<half>&, ThreadPool&);
template void attend(const AttendParams<bfloat16>&, ThreadPool&);

}  // namespace llsa::reference

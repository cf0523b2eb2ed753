#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

#include "reference/gradients.hpp"
#include "reference/key_chunk.hpp"
#include "reference/query_tiles.hpp"

namespace llsa::reference {

/// One thread's work on one tile of queries: as in `attend`, with the softmax known from LSE. dQ grows in the tile.
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
        scores_(chunk_.capacity * max_columns),
        probability_gradients_(chunk_.capacity * 2 * W),
        probabilities_(chunk_.capacity * max_columns) {}

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

  /// P and dS of some keys (rows) and all queries of the tile (lanes): the keys are `keys` of those that `attend` was
  /// asked for, counted in their order.
  struct Block {
    TokenRange keys;
    Rows<C> probabilities, score_gradients;
  };

  /// Queries `[first, last)` attend to the keys of `runs`. `each(block)` is called for every block of pairs, where it
  /// is given; all queries of the tile must attend then.
  template <class Each>
  void attend(const std::vector<KeyRun>& runs, const LevelRows<T>& keys, const LevelRows<T>& values, std::int64_t first,
              std::int64_t last, const Each& each) {
    std::int64_t done = 0;
    chunk_.gather(runs, keys, values, [&] {
      attend_chunk(first - queries_.begin, last - queries_.begin, done, each);
      done += chunk_.size();
    });
  }
  void attend(const std::vector<KeyRun>& runs, const LevelRows<T>& keys, const LevelRows<T>& values, std::int64_t first,
              std::int64_t last) {
    attend(runs, keys, values, first, last, nullptr);
  }

  void end(const HeadView<T>& gradient) {
    gradient_.head(dim_ * columns_) *= static_cast<C>(options_->scale);
    store_tile(gradient_.data(), columns_, queries_.size(), gradient, row_);
  }

 private:
  template <class Each>
  void attend_chunk(std::int64_t begin, std::int64_t end, std::int64_t done, const Each& each) {
    constexpr bool keep = !std::is_null_pointer_v<Each>;
    constexpr std::int64_t row = keep ? max_columns : 2 * W;  // what is not kept stays in the first-level cache
    const std::int64_t v_end = (end + W - 1) / W;
    for (std::int64_t v = begin / W; v < v_end; v += 2) {
      const int vectors = static_cast<int>(std::min<std::int64_t>(2, v_end - v));
      C* const scores = scores_.data() + (keep ? v * W : 0);
      pieces_times_tile(chunk_.keys(), dim_, query_.data() + v * W, columns_, vectors, scores, row);
      pieces_times_tile(chunk_.values(), value_dim_, output_gradient_.data() + v * W, columns_, vectors,
                        probability_gradients_.data(), 2 * W);
      Mask<C> masks[2];
      bool whole = true;
      for (int i = 0; i < vectors; ++i) {
        whole &= lanes_of<C>((v + i) * W, begin, end, queries_.size(), masks[i]);
        score_gradient<keep, row>(i, (v + i) * W, scores + i * W);
      }
      rows_transposed_times_tile(chunk_.keys().data(), chunk_.keys().size(), dim_, scores, row, vectors,
                                 gradient_.data() + v * W, columns_, whole ? nullptr : masks);
    }
    if constexpr (keep) {
      const std::int64_t size = chunk_.size();
      each(Block{{done, done + size}, {probabilities_.data(), row, size}, {scores_.data(), row, size}});
    }
  }

  /// Scores become dS in place, for vector i of the pair; P is kept where it is wanted.
  template <bool keep, std::int64_t row>
  void score_gradient(int i, std::int64_t column, C* score) {
    const Vector<C> lse2 = load(lse2_.data() + column), delta = load(delta_.data() + column);
    const C* log_weights = chunk_.log_weights();
    for (std::int64_t j = 0; j < chunk_.size(); ++j, score += row) {
      const Vector<C> s = log_weights ? load(score) + log_weights[j] : load(score);
      const Vector<C> p = exp2(s - lse2);
      if constexpr (keep) store(probabilities_.data() + j * row + column, p);
      store(score, p * (load(probability_gradients_.data() + j * 2 * W + i * W) - delta));
    }
  }

  const ResolvedOptions* options_;
  std::int64_t dim_, value_dim_, columns_ = 0, row_ = 0;
  TokenRange queries_;
  KeyChunk<T> chunk_;
  Buffer<C> query_, output_gradient_, gradient_, lse2_, delta_, scores_, probability_gradients_, probabilities_;
};

}  // namespace llsa::reference

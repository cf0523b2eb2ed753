#include "reference/gradients.hpp"
#include "reference/query_gradient_tile.hpp"
#include "reference/query_tiles.hpp"

namespace llsa::reference {

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

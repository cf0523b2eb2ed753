#include "reference/dense_gradient.hpp"

#include "reference/key_plan.hpp"
#include "reference/query_gradient_tile.hpp"

namespace llsa::reference {
namespace {

/// dK and dV of all keys, a row each, padded to whole vectors.
template <class C>
struct KeySums {
  KeySums(std::int64_t tokens, std::int64_t head_dim, std::int64_t head_value_dim)
      : keys(tokens), dim(round_up(head_dim, lanes<C>)), value_dim(round_up(head_value_dim, lanes<C>)) {}
  std::int64_t size() const { return keys * (dim + value_dim); }
  C* key(C* sums, std::int64_t token) const { return sums + token * dim; }
  C* value(C* sums, std::int64_t token) const { return sums + keys * dim + token * value_dim; }

  std::int64_t keys, dim, value_dim;
};

/// One thread's work on one segment of one query head.
template <class T>
class DenseSegment {
 public:
  using C = Accumulate<T>;

  explicit DenseSegment(const AttendBackwardParams<T>& params)
      : params_(&params),
        sums_(params.problem.options.key.tokens(), params.problem.key.shape.dim, params.problem.value.shape.dim),
        tiles_(params.problem.options),
        tile_(params.problem.options, params.problem.key.shape.dim, params.problem.value.shape.dim),
        query_(QueryTiles::most_queries * sums_.dim),
        output_gradient_(QueryTiles::most_queries * sums_.value_dim) {}

  /// Overwrites `sums`, laid out as `KeySums`, and where it is wanted dQ of the queries.
  void add(const QueryStatistics<C>& statistics, std::int64_t head, TokenRange queries, bool with_query, C* sums) {
    const AttendProblem<T>& p = params_->problem;
    const std::int64_t key_head = p.options.key_head(head);
    const LevelRows<T> keys(p.key, p.coarse_key, key_head, p.key_places);
    const LevelRows<T> values(p.value, p.coarse_value, key_head, p.key_places);
    const std::vector<KeyRun> all{{0, 0, sums_.keys}};
    std::fill_n(sums, sums_.size(), C{0});
    for (std::int64_t first = queries.begin; first < queries.end;) {
      const TokenRange tile{first, std::min(tiles_.tile(tiles_.holding(first)).end, queries.end)};
      const std::int64_t row = p.query_places.row(head, tile.begin);
      tile_.begin(p.query.head(head), params_->output_gradient.head(head), statistics, head, tile, row);
      load_rows(p.query.head(head), row, tile.size(), query_.data(), sums_.dim);
      load_rows(params_->output_gradient.head(head), row, tile.size(), output_gradient_.data(), sums_.value_dim);
      tile_.attend(all, keys, values, tile.begin, tile.end, [&](const auto& block) { add_block(block, tile, sums); });
      if (with_query) tile_.end(params_->query_gradient.head(head));
      first = tile.end;
    }
    C* const key = sums_.key(sums, 0);
    for (std::int64_t i = 0; i < sums_.keys * sums_.dim; ++i) key[i] *= static_cast<C>(p.options.scale);
  }

 private:
  using Tile = QueryGradientTile<T>;

  /// `rows[i][d] = x[first + i][d]`, zero in the padding up to `columns`.
  static void load_rows(const HeadView<const T>& x, std::int64_t first, std::int64_t count, C* rows,
                        std::int64_t columns) {
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t d = 0; d < columns; ++d)
        rows[i * columns + d] = d < x.dim ? static_cast<C>(x(first + i, d)) : C{0};
  }

  void add_block(const typename Tile::Block& block, TokenRange tile, C* sums) const {
    constexpr int W = lanes<C>;
    add_rows_times_tile(block.score_gradients, tile.size(), query_.data(), sums_.dim, static_cast<int>(sums_.dim / W),
                        sums_.key(sums, block.keys.begin), sums_.dim);
    add_rows_times_tile(block.probabilities, tile.size(), output_gradient_.data(), sums_.value_dim,
                        static_cast<int>(sums_.value_dim / W), sums_.value(sums, block.keys.begin), sums_.value_dim);
  }

  const AttendBackwardParams<T>* params_;
  KeySums<C> sums_;
  QueryTiles tiles_;
  Tile tile_;
  Buffer<C> query_, output_gradient_;
};

template <class C, class T>
void store_rows(const C* rows, std::int64_t columns, std::int64_t count, const HeadView<T>& x, std::int64_t first) {
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t d = 0; d < x.dim; ++d) x(first + i, d) = static_cast<T>(rows[i * columns + d]);
}

}  // namespace

template <class T>
void dense_gradient(const AttendBackwardParams<T>& params, const QueryStatistics<Accumulate<T>>& statistics,
                    ThreadPool& threads, std::int64_t most_bytes) {
  using C = Accumulate<T>;
  const AttendProblem<T>& p = params.problem;
  const ResolvedOptions& options = p.options;
  const std::int64_t dim = p.key.shape.dim, value_dim = p.value.shape.dim, keys = options.key.tokens();
  const KeySums<C> layout(keys, dim, value_dim);
  const std::int64_t segments = KeyPlan::segments(options), per_key_head = options.group * segments;
  const std::int64_t each = KeyPlan::segments_of_part(options, keys);
  const std::int64_t bytes = per_key_head * layout.size() * static_cast<std::int64_t>(sizeof(C));
  const std::int64_t together = std::clamp<std::int64_t>(most_bytes / bytes, 1, p.key_heads());
  std::vector<DenseSegment<T>> workers(static_cast<std::size_t>(threads.threads()), DenseSegment<T>(params));
  Buffer<C> sums(together * per_key_head * layout.size());

  for (std::int64_t first = 0; first < p.key_heads(); first += together) {
    const std::int64_t heads = std::min(together, p.key_heads() - first);
    threads.parallel_for(heads * per_key_head, [&](std::int64_t item, int worker) {
      workers[static_cast<std::size_t>(worker)].add(statistics, first * options.group + item / segments,
                                                    KeyPlan::segment(options, item % segments), true,
                                                    sums.data() + item * layout.size());
    });
    // Segments are added to parts, parts to the gradient, as `KeyPlan` does: a sharded run finds the same sums.
    constexpr std::int64_t rows = 256;
    const std::int64_t pieces = (keys + rows - 1) / rows;
    threads.parallel_for(heads * pieces, [&](std::int64_t item, int) {
      const std::int64_t head = item / pieces, begin = item % pieces * rows, count = std::min(rows, keys - begin);
      C* const own = sums.data() + head * per_key_head * layout.size();
      const auto add = [&](std::int64_t to, std::int64_t from) {
        const auto add_rows = [&](C* a, const C* b, std::int64_t size) {
          for (std::int64_t i = 0; i < size; ++i) a[i] += b[i];
        };
        C *const a = own + to * layout.size(), *const b = own + from * layout.size();
        add_rows(layout.key(a, begin), layout.key(b, begin), count * layout.dim);
        add_rows(layout.value(a, begin), layout.value(b, begin), count * layout.value_dim);
      };
      for (std::int64_t part = 0; part < per_key_head; part += each) {
        for (std::int64_t s = part + 1; s < std::min(part + each, per_key_head); ++s) add(part, s);
        if (part > 0) add(0, part);
      }
      store_rows(layout.key(own, begin), layout.dim, count, params.key_gradient.head(first + head), begin);
      store_rows(layout.value(own, begin), layout.value_dim, count, params.value_gradient.head(first + head), begin);
    });
  }
}

template <class T>
void dense_segment_gradient(const AttendBackwardParams<T>& params, const QueryStatistics<Accumulate<T>>& statistics,
                            TokenRange segments, const TensorView<Accumulate<T>>& key,
                            const TensorView<Accumulate<T>>& value, ThreadPool& threads) {
  using C = Accumulate<T>;
  const AttendProblem<T>& p = params.problem;
  const std::int64_t keys = p.options.key.tokens();
  const KeySums<C> layout(keys, p.key.shape.dim, p.value.shape.dim);
  struct Worker {
    DenseSegment<T> segment;
    Buffer<C> sums;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(threads.threads()),
                              Worker{DenseSegment<T>(params), Buffer<C>(layout.size())});
  threads.parallel_for(p.query_heads() * segments.size(), [&](std::int64_t row, int worker) {
    auto& [segment, sums] = workers[static_cast<std::size_t>(worker)];
    segment.add(statistics, row / segments.size(), KeyPlan::segment(p.options, segments.begin + row % segments.size()),
                false, sums.data());
    store_rows(layout.key(sums.data(), 0), layout.dim, keys, key.head(row), 0);
    store_rows(layout.value(sums.data(), 0), layout.value_dim, keys, value.head(row), 0);
  });
}

#define LLSA_INSTANTIATE(T)                                                                                            \
  template void dense_gradient(const AttendBackwardParams<T>&, const QueryStatistics<Accumulate<T>>&, ThreadPool&,     \
                               std::int64_t);                                                                          \
  template void dense_segment_gradient(const AttendBackwardParams<T>&, const QueryStatistics<Accumulate<T>>&,          \
                                       TokenRange, const TensorView<Accumulate<T>>&, const TensorView<Accumulate<T>>&, \
                                       ThreadPool&);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa::reference

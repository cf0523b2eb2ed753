#include "shard.hpp"

#include <algorithm>

#include "lists.hpp"
#include "pool.hpp"
#include "reference/attend.hpp"
#include "reference/gradients.hpp"
#include "reference/key_plan.hpp"
#include "reference/select.hpp"

namespace pyllsa {
namespace {

using namespace llsa;

ResolvedOptions resolve(const Shard& shard) {
  Options options = shard.options;
  if (options.top_k.empty()) options.top_k = {1};
  return llsa::resolve(options, shard.query, shard.key, shard.value);
}

ListLayout layout_of(const Shard& shard, const ResolvedOptions& options) {
  std::vector<std::int64_t> top_k = options.top_k;
  top_k.resize(static_cast<std::size_t>(options.levels));
  return {shard.query.batch * shard.query.heads, shard.query.tokens, shard.key.tokens, 0, options.block_size, top_k};
}

/// A level of its full length, of which only the given rows are set.
template <class C>
Tensor<C> level_of(const LevelRowsGiven& rows, const Shape& shape, std::int64_t length) {
  Tensor<C> level(Shape{shape.batch, shape.heads, length, shape.dim});
  const C* from = reinterpret_cast<const C*>(rows.address);
  for (std::int64_t head = 0; head < shape.batch * shape.heads; ++head)
    std::copy_n(from + head * rows.pitch * shape.dim, rows.count * shape.dim,
                level.data() + (head * length + rows.first) * shape.dim);
  return level;
}

template <class C>
reference::Pyramid<C> pyramid_of(const std::vector<LevelRowsGiven>& levels, const Shape& shape,
                                 const Hierarchy& hierarchy) {
  reference::Pyramid<C> pyramid;
  for (const LevelRowsGiven& rows : levels)
    pyramid.coarse.push_back(level_of<C>(rows, shape, hierarchy.length(pyramid.levels() + 1)));
  return pyramid;
}

/// A pyramid with one level.
template <class C>
reference::Pyramid<C> one_level(int level, const LevelRowsGiven& rows, const Shape& shape, const Hierarchy& hierarchy) {
  reference::Pyramid<C> pyramid;
  pyramid.coarse.resize(static_cast<std::size_t>(level - 1));
  pyramid.coarse.push_back(level_of<C>(rows, shape, hierarchy.length(level)));
  return pyramid;
}

reference::Places places_of(const Place& place, const Hierarchy& hierarchy) {
  const std::int64_t block = hierarchy.block_size();
  return {.first = place.first,
          .slots = reinterpret_cast<const std::int32_t*>(place.slots),
          .blocks = (hierarchy.tokens() + block - 1) / block,
          .block_size = block};
}

/// What the reference's stages read, put together from a rank's arrays.
template <class T>
struct Local {
  using C = Accumulate<T>;

  Local(const Shard& shard, const ShardArrays& arrays)
      : options(resolve(shard)),
        coarse_key(pyramid_of<C>(shard.coarse_key, shard.key, options.key)),
        coarse_value(pyramid_of<C>(shard.coarse_value, shard.value, options.key)) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(options.levels), 0);
    lists = layout_of(shard, options).read(options, shard.query.batch * shard.query.heads, rows, shard.lists);
    query = view_of<const T>(arrays.query);
    key = view_of<const T>(arrays.key);
    value = view_of<const T>(arrays.value);
    query_places = places_of(arrays.query_place, options.query);
    key_places = places_of(arrays.key_place, options.key);
    queries = arrays.queries;
  }

  reference::AttendProblem<T> problem() const {
    return {query, key, value, coarse_key, coarse_value, lists, options, query_places, key_places, queries};
  }

  ResolvedOptions options;
  reference::Pyramid<C> coarse_key, coarse_value;
  Selection lists;
  TensorView<const T> query, key, value;
  reference::Places query_places, key_places;
  TokenRange queries;
};

template <class C>
reference::QueryStatistics<C> statistics_of(const ShardKeyGradient& gradient, const Shape& query) {
  const std::int64_t rows = query.batch * query.heads * query.tokens;
  return {Eigen::Map<const reference::Buffer<C>>(reinterpret_cast<const C*>(gradient.lse2), rows),
          Eigen::Map<const reference::Buffer<C>>(reinterpret_cast<const C*>(gradient.delta), rows)};
}

template <class T>
void select_as(const Shard& shard, TokenRange queries, int level, const LevelRowsGiven& pooled_queries,
               const LevelRowsGiven& pooled_keys) {
  using C = Accumulate<T>;
  const auto pool = shared_pool();
  const ResolvedOptions options = resolve(shard);
  const auto pooled = one_level<C>(level, pooled_queries, shard.query, options.query);
  const auto keys = one_level<C>(level, pooled_keys, shard.key, options.key);
  const ListLayout layout = layout_of(shard, options);
  const auto rows = [&] { return std::vector<std::int64_t>(static_cast<std::size_t>(options.levels), 0); };
  auto from = rows(), to = rows();
  Selection selection = layout.read(options, shard.query.batch * shard.query.heads, from, shard.lists);
  reference::select_level(pooled, keys, options, level, queries, selection, *pool);
  layout.write(selection, to, shard.lists);
}

template <class T>
void attend_as(const Shard& shard, const ShardArrays& arrays) {
  const auto pool = shared_pool();
  const Local<T> local(shard, arrays);
  reference::attend<T>({local.problem(), view_of<T>(arrays.output), view_of<Accumulate<T>>(arrays.lse)}, *pool);
}

template <class T>
void query_gradient_as(const Shard& shard, const ShardArrays& arrays, const Array& output_gradient,
                       const Array& lse_gradient, const Array& query_gradient, std::uintptr_t lse2,
                       std::uintptr_t delta) {
  using C = Accumulate<T>;
  const auto pool = shared_pool();
  const Local<T> local(shard, arrays);
  const reference::AttendBackwardParams<T> params{.problem = local.problem(),
                                                  .output = view_of<const T>(arrays.output),
                                                  .lse = view_of<const C>(arrays.lse),
                                                  .output_gradient = view_of<const T>(output_gradient),
                                                  .lse_gradient = view_of<const C>(lse_gradient),
                                                  .query_gradient = view_of<T>(query_gradient),
                                                  .key_gradient = {},
                                                  .value_gradient = {}};
  const auto statistics = reference::query_statistics(params, *pool);
  reference::query_gradient(params, statistics, *pool);
  std::copy_n(statistics.lse2.data(), statistics.lse2.size(), reinterpret_cast<C*>(lse2));
  std::copy_n(statistics.delta.data(), statistics.delta.size(), reinterpret_cast<C*>(delta));
}

template <class T>
reference::AttendBackwardParams<T> key_major_params(const Local<T>& local, const ShardKeyGradient& gradient) {
  return {.problem = local.problem(),
          .output = {},
          .lse = {},
          .output_gradient = view_of<const T>(gradient.output_gradient),
          .lse_gradient = {},
          .query_gradient = {},
          .key_gradient = {},
          .value_gradient = {}};
}

template <class T>
void key_gradient_as(const Shard& shard, const ShardArrays& arrays, const ShardKeyGradient& gradient, int level,
                     TokenRange own) {
  using C = Accumulate<T>;
  const auto pool = shared_pool();
  const Local<T> local(shard, arrays);
  const TensorView<C> key = view_of<C>(gradient.key), value = view_of<C>(gradient.value);
  const std::int64_t begin = own.begin * local.options.block_size;
  const auto sink = [&](std::int64_t head, std::int64_t first, std::int64_t count, const C* key_rows,
                        const C* value_rows, std::int64_t columns) {
    reference::store_tile(key_rows, columns, count, key.head(head), first - begin);
    reference::store_tile(value_rows, columns, count, value.head(head), first - begin);
  };
  reference::key_gradient<T>(key_major_params(local, gradient), level, statistics_of<C>(gradient, local.query.shape),
                             sink, *pool, own);
}

template <class T>
void segment_gradient_as(const Shard& shard, const ShardArrays& arrays, const ShardKeyGradient& gradient,
                         TokenRange segments) {
  using C = Accumulate<T>;
  const auto pool = shared_pool();
  const Local<T> local(shard, arrays);
  reference::segment_gradient<T>(key_major_params(local, gradient), statistics_of<C>(gradient, local.query.shape),
                                 segments, view_of<C>(gradient.key), view_of<C>(gradient.value), *pool);
}

}  // namespace

void shard_select(const Shard& shard, TokenRange queries, int level, const LevelRowsGiven& pooled_queries,
                  const LevelRowsGiven& pooled_keys) {
  with_type(shard.dtype, [&]<class T>(T) { select_as<T>(shard, queries, level, pooled_queries, pooled_keys); });
}

void shard_attend(const Shard& shard, const ShardArrays& arrays) {
  with_type(shard.dtype, [&]<class T>(T) { attend_as<T>(shard, arrays); });
}

void shard_query_gradient(const Shard& shard, const ShardArrays& arrays, const Array& output_gradient,
                          const Array& lse_gradient, const Array& query_gradient, std::uintptr_t lse2,
                          std::uintptr_t delta) {
  with_type(shard.dtype, [&]<class T>(T) {
    query_gradient_as<T>(shard, arrays, output_gradient, lse_gradient, query_gradient, lse2, delta);
  });
}

void shard_key_gradient(const Shard& shard, const ShardArrays& arrays, const ShardKeyGradient& gradient, int level,
                        TokenRange own) {
  with_type(shard.dtype, [&]<class T>(T) { key_gradient_as<T>(shard, arrays, gradient, level, own); });
}

void shard_segment_gradient(const Shard& shard, const ShardArrays& arrays, const ShardKeyGradient& gradient,
                            TokenRange segments) {
  with_type(shard.dtype, [&]<class T>(T) { segment_gradient_as<T>(shard, arrays, gradient, segments); });
}

std::pair<std::int64_t, std::int64_t> shard_segments(const Shard& shard) {
  const ResolvedOptions options = resolve(shard);
  return {reference::KeyPlan::part_queries,
          reference::KeyPlan::segments_of_part(options, options.key.length(options.levels))};
}

}  // namespace pyllsa

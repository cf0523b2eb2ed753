// The one-pass gradient of dense attention beside the two gradients that it stands for.
#include "reference/dense_gradient.hpp"

#include <random>

#include "reference/key_plan.hpp"
#include "support/check.hpp"

namespace llsa::testing {
namespace {

ThreadPool threads(2);

/// Dense attention of 4 query heads, two to a key head, with O, LSE and gradients that are any numbers.
template <class T>
struct Dense {
  Dense(std::int64_t queries, std::int64_t keys, std::int64_t dim, std::int64_t value_dim)
      : query(drawn({1, 4, queries, dim}, 1)),
        key(drawn({1, 2, keys, dim}, 2)),
        value(drawn({1, 2, keys, value_dim}, 3)),
        output(drawn({1, 4, queries, value_dim}, 4)),
        output_gradient(drawn({1, 4, queries, value_dim}, 5)),
        lse(drawn({1, 4, queries, 1}, 6)),
        query_gradient(query.shape()),
        key_gradient(key.shape()),
        value_gradient(value.shape()),
        options(resolve({.levels = 0}, query.shape(), key.shape(), value.shape())) {}

  static Tensor<T> drawn(const Shape& shape, std::uint64_t seed) {
    Tensor<T> x(shape);
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    for (T& number : x.flat()) number = static_cast<T>(normal(random));
    return x;
  }

  reference::AttendBackwardParams<T> params() {
    return {.problem = {query.cview(), key.cview(), value.cview(), none, none, no_lists, options},
            .output = output.cview(),
            .lse = lse.cview(),
            .output_gradient = output_gradient.cview(),
            .lse_gradient = {},
            .query_gradient = query_gradient.view(),
            .key_gradient = key_gradient.view(),
            .value_gradient = value_gradient.view()};
  }

  Tensor<T> query, key, value, output, output_gradient, lse, query_gradient, key_gradient, value_gradient;
  reference::Pyramid<T> none;
  Selection no_lists;
  ResolvedOptions options;
};

template <class T>
void expect_close(const Tensor<T>& a, const Tensor<T>& b, double relative) {
  double most = 0;
  for (const T x : b.flat()) most = std::max(most, std::abs(static_cast<double>(x)));
  for (std::size_t i = 0; i < a.flat().size(); ++i)
    ASSERT_LE(std::abs(static_cast<double>(a.flat()[i]) - static_cast<double>(b.flat()[i])), relative * most) << i;
}

template <class T>
void expect_same(const Tensor<T>& a, const Tensor<T>& b) {
  for (std::size_t i = 0; i < a.flat().size(); ++i) ASSERT_EQ(a.flat()[i], b.flat()[i]) << i;
}

TEST(DenseGradient, equals_the_query_major_and_the_key_major_gradient) {
  for (const auto& [queries, keys, dim, value_dim] :
       std::initializer_list<std::array<std::int64_t, 4>>{{1, 1, 1, 1}, {130, 300, 20, 9}, {16500, 1050, 2, 1}}) {
    Dense<double> one(queries, keys, dim, value_dim), two(queries, keys, dim, value_dim);
    const auto params = one.params(), apart = two.params();
    const auto statistics = reference::query_statistics(params, threads);
    reference::dense_gradient(params, statistics, threads);
    reference::query_gradient(apart, statistics, threads);
    reference::key_gradient<double>(
        apart, 0, statistics,
        [&](auto head, auto first, auto count, const double* key, const double* value, auto columns) {
          reference::store_tile(key, columns, count, apart.key_gradient.head(head), first);
          reference::store_tile(value, columns, count, apart.value_gradient.head(head), first);
        },
        threads);
    expect_same(one.query_gradient, two.query_gradient);
    expect_close(one.key_gradient, two.key_gradient, 1e-12);
    expect_close(one.value_gradient, two.value_gradient, 1e-12);
  }
}

/// What shards of the queries do: each sums its segments, and the sums are added to parts and these to the gradient.
TEST(DenseGradient, is_the_sum_of_its_segments_whoever_made_them) {
  for (const std::int64_t keys : {70, 1050, 4200}) {  // 1, 2 and all 6 segments of a key head to a part
    Dense<float> dense(16500, keys, 2, 1);
    const auto params = dense.params();
    const auto statistics = reference::query_statistics(params, threads);
    reference::dense_gradient(params, statistics, threads);
    const std::int64_t segments = reference::KeyPlan::segments(dense.options);
    ASSERT_EQ(segments, 3);
    Tensor<float> key({1, 4 * segments, keys, 2}), value({1, 4 * segments, keys, 1});
    for (std::int64_t s = 0; s < segments; ++s) {
      Tensor<float> one_key({1, 4, keys, 2}), one_value({1, 4, keys, 1});
      reference::segment_gradient(params, statistics, {s, s + 1}, one_key.view(), one_value.view(), threads);
      for (std::int64_t head = 0; head < 4; ++head)
        for (std::int64_t j = 0; j < keys; ++j) {
          for (std::int64_t d = 0; d < 2; ++d) key(0, head * segments + s, j, d) = one_key(0, head, j, d);
          value(0, head * segments + s, j, 0) = one_value(0, head, j, 0);
        }
    }
    const std::int64_t together = reference::KeyPlan::segments_of_part(dense.options, keys), all = 2 * segments;
    for (std::int64_t key_head = 0; key_head < 2; ++key_head)
      for (std::int64_t j = 0; j < keys; ++j) {
        const auto sum = [&](const Tensor<float>& parts, std::int64_t d) {
          float total = 0;
          for (std::int64_t first = 0; first < all; first += together) {
            float part = parts(0, key_head * all + first, j, d);
            for (std::int64_t s = first + 1; s < std::min(first + together, all); ++s)
              part += parts(0, key_head * all + s, j, d);
            total = first == 0 ? part : total + part;
          }
          return total;
        };
        for (std::int64_t d = 0; d < 2; ++d) ASSERT_EQ(dense.key_gradient(0, key_head, j, d), sum(key, d)) << j;
        ASSERT_EQ(dense.value_gradient(0, key_head, j, 0), sum(value, 0)) << j;
      }
  }
}

/// A shard holds some queries, and a buffer in which the keys' blocks begin behind others.
TEST(DenseGradient, of_a_segment_is_the_same_from_a_shard_of_the_queries_and_a_larger_buffer_of_keys) {
  constexpr std::int64_t queries = 8192, keys = 70, block = 16, before = 2 * block;
  Dense<float> whole(2 * queries, keys, 3, 2), shard(queries, keys + before + block, 3, 2);
  const auto copy_rows = [](const Tensor<float>& from, std::int64_t first, Tensor<float>& to, std::int64_t at,
                            std::int64_t count) {
    for (std::int64_t head = 0; head < from.shape().heads; ++head)
      for (std::int64_t i = 0; i < count; ++i)
        for (std::int64_t d = 0; d < from.shape().dim; ++d) to(0, head, at + i, d) = from(0, head, first + i, d);
  };
  for (const auto& [from, to] : {std::pair{&whole.query, &shard.query},
                                 {&whole.output, &shard.output},
                                 {&whole.output_gradient, &shard.output_gradient},
                                 {&whole.lse, &shard.lse}})
    copy_rows(*from, queries, *to, 0, queries);
  copy_rows(whole.key, 0, shard.key, before, keys);
  copy_rows(whole.value, 0, shard.value, before, keys);
  shard.options = whole.options;
  std::vector<std::int32_t> slots;
  for (std::int32_t head = 0; head < 2; ++head)
    for (std::int32_t b = 0; b < 5; ++b) slots.push_back(b + static_cast<std::int32_t>(before / block));

  const auto in_whole = whole.params();
  auto in_shard = shard.params();
  in_shard.problem.query_places.first = queries;
  in_shard.problem.key_places = {.slots = slots.data(), .blocks = 5, .block_size = block};
  Tensor<float> key({1, 4, keys, 3}), value({1, 4, keys, 2}), key_of_shard(key.shape()), value_of_shard(value.shape());
  reference::segment_gradient(in_whole, reference::query_statistics(in_whole, threads), {1, 2}, key.view(),
                              value.view(), threads);
  reference::segment_gradient(in_shard, reference::query_statistics(in_shard, threads), {1, 2}, key_of_shard.view(),
                              value_of_shard.view(), threads);
  expect_same(key, key_of_shard);
  expect_same(value, value_of_shard);
}

TEST(DenseGradient, has_the_same_bits_in_any_number_of_passes_over_the_heads) {
  Dense<float> at_once(8300, 90, 3, 5), one_by_one(8300, 90, 3, 5);
  const auto params = at_once.params(), small = one_by_one.params();
  const auto statistics = reference::query_statistics(params, threads);
  reference::dense_gradient(params, statistics, threads);
  reference::dense_gradient(small, statistics, threads, 1);
  expect_same(at_once.query_gradient, one_by_one.query_gradient);
  expect_same(at_once.key_gradient, one_by_one.key_gradient);
  expect_same(at_once.value_gradient, one_by_one.value_gradient);
}

}  // namespace
}  // namespace llsa::testing

// Pool, select and transpose against the reference's stages. Compiled for the executor and, with the label gpu, for the
// device.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "cuda/check_all.hpp"
#include "cuda/device.hpp"
#include "cuda/pool/launch.hpp"
#include "cuda/select/launch.hpp"
#include "cuda/stage_problem.hpp"
#include "cuda/transpose/launch.hpp"
#include "llsa/error.hpp"
#include "reference/select.hpp"
#include "reference/transpose.hpp"
#include "support/check.hpp"
#include "support/selections.hpp"

namespace llsa::cuda {
namespace {

using testing::check_all;
using testing::first_difference;
using testing::stage_cases;
using testing::StageCase;

class Stages : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = why_unavailable()) GTEST_SKIP() << *why;
  }
};

ThreadPool threads(1);

/// On the executor, an order of threads that belongs to the case: a stage may not depend on it.
Stream stream_of([[maybe_unused]] const StageCase& c) {
#if defined(LLSA_SIMT)
  constexpr simt::Order orders[] = {simt::Order::ascending, simt::Order::descending, simt::Order::shuffled};
  return {{.os_threads = 1, .order = orders[c.seed % 3], .seed = c.seed}};
#else
  return {};
#endif
}

template <class T>
Buffer<T> uploaded(const std::vector<T>& values) {
  return upload(std::span<const T>(values), Stream{});
}

/// Device memory full of a byte that makes NaN of every float, so that what is not written is noticed.
template <class T>
Buffer<T> poisoned(std::int64_t count) {
  Buffer<T> buffer(static_cast<std::size_t>(count));
  fill_device(buffer.data(), 0xff, buffer.bytes(), Stream{});
  return buffer;
}

template <class T>
reference::Pyramid<float> expected_pool(const std::vector<T>& x, const StageCase& c, bool of_queries,
                                        std::int64_t dim) {
  const ResolvedOptions options = c.resolved();
  const Hierarchy& hierarchy = of_queries ? options.query : options.key;
  return reference::pool(TensorView<const T>(x.data(), {1, c.heads, hierarchy.tokens(), dim}), hierarchy, threads);
}

/// Every level of a pyramid on the device against the reference's, element by element: `same(actual, expected)`.
template <class T, class Same>
void require_pyramid(const Buffer<T>& buffer, const reference::Pyramid<float>& expected, const Levels& levels,
                     bool of_queries, Same same) {
  const std::vector<T> actual = download(buffer, Stream{});
  for (int l = 1; l <= levels.levels; ++l) {
    const auto flat = expected.coarse[static_cast<std::size_t>(l - 1)].flat();
    const std::size_t begin =
        static_cast<std::size_t>(testing::first_row(levels, of_queries, l) * expected.coarse[0].shape().dim);
    for (std::size_t i = 0; i < flat.size(); ++i)
      if (!same(actual[begin + i], flat[i])) RC_FAIL("level " + std::to_string(l) + ", element " + std::to_string(i));
  }
}

template <class T>
std::vector<T> stored(const std::vector<float>& values) {
  std::vector<T> result(values.size());
  std::transform(values.begin(), values.end(), result.begin(), [](float x) { return static_cast<T>(x); });
  return result;
}

template <class T>
void check_pool(const StageCase& c, bool whole, double tolerance) {
  const Levels levels = make_levels(c.resolved(), c.heads);
  std::vector<float> q = testing::whole_numbers(c.heads * c.query_tokens * c.dim, c.seed);
  std::vector<float> k = testing::whole_numbers(c.heads * c.key_tokens * c.dim, c.seed + 1);
  std::vector<float> v = testing::whole_numbers(c.heads * c.key_tokens * c.value_dim, c.seed + 2);
  if (!whole)
    for (auto* values : {&q, &k, &v})
      for (float& x : *values) x *= 0.37f + 0.1f * std::sin(static_cast<float>(&x - values->data()));
  const auto tq = stored<T>(q), tk = stored<T>(k), tv = stored<T>(v);
  const auto d_q = uploaded(tq), d_k = uploaded(tk), d_v = uploaded(tv);
  const auto query = poisoned<float>(levels.query_rows * c.dim), key = poisoned<float>(levels.key_rows * c.dim);
  const auto coarse_key = poisoned<T>(levels.key_rows * c.dim),
             coarse_value = poisoned<T>(levels.key_rows * c.value_dim);
  const auto dim = static_cast<std::int32_t>(c.dim), value_dim = static_cast<std::int32_t>(c.value_dim);
  const PoolParams<T> params{levels,
                             {{d_q.data(), dim, true, query.data(), nullptr},
                              {d_k.data(), dim, false, key.data(), coarse_key.data()},
                              {d_v.data(), value_dim, false, nullptr, coarse_value.data()}}};
  const auto workspace = poisoned<std::byte>(static_cast<std::int64_t>(pool_workspace(params)));
  pool(params, workspace.data(), workspace.bytes(), stream_of(c));

  const auto near = [&](float actual, float expected) {
    return whole ? actual == expected : std::abs(actual - expected) <= tolerance;
  };
  const auto rounded = [&](T actual, float expected) {
    // A mean that lies halfway between two stored values may round either way after an fp32 sum.
    return whole ? std::memcmp(&actual, &static_cast<const T&>(T(expected)), sizeof(T)) == 0
                 : std::abs(static_cast<float>(actual) - expected) <= tolerance + std::abs(expected) * 0x1p-7;
  };
  require_pyramid(query, expected_pool(tq, c, true, c.dim), levels, true, near);
  require_pyramid(key, expected_pool(tk, c, false, c.dim), levels, false, near);
  require_pyramid(coarse_key, expected_pool(tk, c, false, c.dim), levels, false, rounded);
  require_pyramid(coarse_value, expected_pool(tv, c, false, c.value_dim), levels, false, rounded);
}

TEST_F(Stages, pooling_whole_numbers_gives_the_references_bits) {
  check_all("float", 40, [] { check_pool<float>(*stage_cases(1500), true, 0); });
  check_all("half", 20, [] { check_pool<half>(*stage_cases(1500), true, 0); });
  check_all("bfloat16", 20, [] { check_pool<bfloat16>(*stage_cases(1500), true, 0); });
}

/// Whole parents in more passes than one: 16 x 16 tokens of 256 dimensions are as many as shared memory holds.
TEST_F(Stages, pooling_goes_on_where_shared_memory_ends) {
  for (const std::int64_t dim : {64, 256}) {
    const StageCase c{.query_tokens = 8500,
                      .key_tokens = 4097,
                      .dim = dim,
                      .value_dim = 8,
                      .block_size = 16,
                      .top_k = {1, 1, 1},
                      .seed = 3};
    check_all("three levels", 1, [&] { check_pool<bfloat16>(c, true, 0); });
  }
}

TEST_F(Stages, pooling_is_as_exact_as_fp32_sums) {
  check_all("float", 20, [] { check_pool<float>(*stage_cases(1500), false, 1e-6); });
  check_all("bfloat16", 20, [] { check_pool<bfloat16>(*stage_cases(1500), false, 1e-6); });
}

/// Random pyramids of whole numbers with some NaN and infinite elements, selected by both.
void check_select(const StageCase& c, bool with_nan) {
  const ResolvedOptions options = c.resolved();
  const Levels levels = make_levels(options, c.heads);
  std::vector<float> q = testing::whole_numbers(levels.query_rows * c.dim, c.seed);
  std::vector<float> k = testing::whole_numbers(levels.key_rows * c.dim, c.seed + 1);
  if (with_nan)
    for (auto* values : {&q, &k}) {
      constexpr float inf = std::numeric_limits<float>::infinity();
      for (std::size_t i = c.seed % 97; i < values->size(); i += 97 * static_cast<std::size_t>(c.dim) / 8)
        (*values)[i] = i % 3 == 0 ? std::nanf("") : i % 3 == 1 ? inf : -inf;
    }
  const auto pyramid = [&](const std::vector<float>& values, bool of_queries) {
    reference::Pyramid<float> result;
    for (int l = 1; l <= levels.levels; ++l) {
      const std::int64_t length = of_queries ? levels.level[l].queries : levels.level[l].keys;
      result.coarse.emplace_back(Shape{1, c.heads, length, c.dim});
      const auto flat = result.coarse.back().flat();
      std::copy_n(values.begin() + testing::first_row(levels, of_queries, l) * c.dim, flat.size(), flat.begin());
    }
    return result;
  };
  const Selection expected = reference::select(pyramid(q, true), pyramid(k, false), options, threads);

  const auto d_q = uploaded(q), d_k = uploaded(k);
  const auto lists = poisoned<std::int32_t>(levels.list_entries);
  select({levels, d_q.data(), d_k.data(), static_cast<std::int32_t>(c.dim), lists.data()}, stream_of(c));
  const std::vector<std::int32_t> actual = download(lists, Stream{});
  for (int l = 1; l <= levels.levels; ++l) {
    const std::int64_t at = first_difference(actual.data() + levels.level[l].list, expected.level(l).indices.data(),
                                             static_cast<std::int64_t>(expected.level(l).indices.size()));
    if (at >= 0)
      RC_FAIL("level " + std::to_string(l) + ", list " + std::to_string(at / levels.level[l].width) + ", place " +
              std::to_string(at % levels.level[l].width));
  }
}

TEST_F(Stages, selection_equals_the_references_where_scores_are_exact) {
  check_all("whole numbers", 60, [] { check_select(*stage_cases(700), false); });
}

/// Every length that lanes share, over many tiles of candidates whose scores mostly differ.
TEST_F(Stages, selection_of_short_lists_finds_the_best_of_thousands_of_candidates) {
  for (std::int64_t k = 1; k <= 9; ++k)
    for (const std::int64_t dim : {8, 72}) {
      const StageCase c{.query_tokens = 150,
                        .key_tokens = 2100,
                        .dim = dim,
                        .block_size = 4,
                        .top_k = {k, 10 - k},
                        .seed = static_cast<std::uint64_t>(16 * k + dim)};
      check_all("short lists", 1, [&] { check_select(c, false); });
    }
}

/// The eight best are candidates of one lane, in another order for every head.
TEST_F(Stages, selection_of_short_lists_finds_the_best_wherever_they_stand) {
  const StageCase c{.heads = 60, .query_tokens = 2, .key_tokens = 128, .block_size = 2, .top_k = {8}};
  const Levels levels = make_levels(c.resolved(), c.heads);
  std::vector<float> q(static_cast<std::size_t>(c.heads * 8)), k(static_cast<std::size_t>(c.heads * 64 * 8));
  std::vector<std::int32_t> expected;
  std::mt19937 random(5);
  for (std::int64_t head = 0; head < c.heads; ++head) {
    q[static_cast<std::size_t>(head * 8)] = 1;
    std::vector<std::int32_t> best;
    for (std::int32_t i = 0; i < 8; ++i) best.push_back(8 * i + static_cast<std::int32_t>(head % 8));
    std::shuffle(best.begin(), best.end(), random);
    for (std::size_t place = 0; place < best.size(); ++place)
      k[static_cast<std::size_t>((head * 64 + best[place]) * 8)] = 100 - static_cast<float>(place);
    expected.insert(expected.end(), best.begin(), best.end());
  }
  const auto d_q = uploaded(q), d_k = uploaded(k);
  const auto lists = poisoned<std::int32_t>(levels.list_entries);
  select({levels, d_q.data(), d_k.data(), 8, lists.data()}, Stream{});
  EXPECT_EQ(download(lists, Stream{}), expected);
}

/// Lists that are found in three rounds of 64, at the coarsest level and below it.
TEST_F(Stages, selection_finds_long_lists_in_rounds) {
  const StageCase c{.query_tokens = 40, .key_tokens = 900, .dim = 8, .block_size = 2, .top_k = {150, 140}, .seed = 5};
  check_all("long lists", 1, [&] { check_select(c, false); });
}

TEST_F(Stages, selection_ranks_nan_last_and_infinities_in_order) {
  check_all("with NaN and infinities", 40, [] { check_select(*stage_cases(500), true); });
}

TEST_F(Stages, zeros_of_either_sign_tie) {
  const StageCase c{.query_tokens = 2, .key_tokens = 4, .block_size = 2, .top_k = {2}};
  const Levels levels = make_levels(c.resolved(), c.heads);
  std::vector<float> q(8), k(16);
  q[7] = 1e-30f;
  k[7] = -1e-30f;  // the product underflows to -0, and nothing is added after it
  const auto d_q = uploaded(q), d_k = uploaded(k);
  const auto lists = poisoned<std::int32_t>(levels.list_entries);
  select({levels, d_q.data(), d_k.data(), 8, lists.data()}, Stream{});
  EXPECT_EQ(download(lists, Stream{}), (std::vector<std::int32_t>{0, 1}));
}

void check_transpose(const StageCase& c, bool hot) {
  const ResolvedOptions options = c.resolved();
  const Selection selection = llsa::testing::random_selection(options, c.heads, c.seed, hot);
  const Levels levels = make_levels(options, c.heads, &selection);
  std::vector<std::int32_t> lists(static_cast<std::size_t>(levels.list_entries));
  for (int l = 1; l <= levels.levels; ++l)
    std::copy(selection.level(l).indices.begin(), selection.level(l).indices.end(),
              lists.begin() + levels.level[l].list);

  const auto d_lists = uploaded(lists);
  const auto offsets = poisoned<std::int64_t>(levels.offset_entries);
  const auto indices = poisoned<std::int32_t>(levels.list_entries);
  const auto workspace = poisoned<std::byte>(static_cast<std::int64_t>(transpose_workspace(levels)));
  transpose({levels, d_lists.data(), offsets.data(), indices.data()}, workspace.data(), workspace.bytes(),
            stream_of(c));

  const std::vector<std::int64_t> all_offsets = download(offsets, Stream{});
  const std::vector<std::int32_t> all_indices = download(indices, Stream{});
  for (int l = 1; l <= levels.levels; ++l)
    for (std::int64_t head = 0; head < c.heads; ++head) {
      const TransposedList expected = reference::transpose(selection.level(l), head, levels.level[l].keys);
      const std::int64_t* at = all_offsets.data() + levels.level[l].offset + head * levels.level[l].keys;
      const std::int32_t* queries = all_indices.data() + levels.level[l].list;
      for (std::int64_t key = 0; key < levels.level[l].keys; ++key) {
        const auto span = expected.queries_of(key);
        const std::vector<std::int32_t> actual(queries + at[key], queries + at[key + 1]);
        if (actual != std::vector<std::int32_t>(span.begin(), span.end()))
          RC_FAIL("level " + std::to_string(l) + ", head " + std::to_string(head) + ", key " + std::to_string(key));
      }
    }
}

TEST_F(Stages, transposing_random_lists_equals_the_reference) {
  check_all("random lists", 60, [] { check_transpose(*stage_cases(900), false); });
  check_all("keys that every query selected", 20, [] { check_transpose(*stage_cases(900), true); });
}

/// One head's values, `heads` times.
std::vector<float> repeated(const std::vector<float>& one, std::int64_t heads) {
  std::vector<float> all;
  for (std::int64_t head = 0; head < heads; ++head) all.insert(all.end(), one.begin(), one.end());
  return all;
}

TEST_F(Stages, more_heads_than_65535_are_pooled_alike) {
  const StageCase c{.heads = 66000, .query_tokens = 1, .key_tokens = 3, .dim = 8, .block_size = 2, .top_k = {1}};
  const Levels levels = make_levels(c.resolved(), c.heads);
  const auto d_k = uploaded(repeated(testing::whole_numbers(3 * 8, 1), c.heads));
  const auto key = poisoned<float>(levels.key_rows * 8);
  const PoolParams<float> params{levels, {{d_k.data(), 8, false, key.data(), nullptr}, {}, {}}};
  pool(params, nullptr, 0, Stream{});
  const std::vector<float> actual = download(key, Stream{});
  for (std::size_t i = 16; i < actual.size(); ++i) ASSERT_EQ(actual[i], actual[i % 16]) << i;
}

TEST_F(Stages, many_heads_are_selected_alike) {
#if defined(LLSA_SIMT)
  constexpr std::int64_t heads = 300;  // the executor takes a millisecond for each
#else
  constexpr std::int64_t heads = 70000;
#endif
  const StageCase c{.heads = heads, .query_tokens = 3, .key_tokens = 5, .dim = 8, .block_size = 2, .top_k = {2}};
  const Levels levels = make_levels(c.resolved(), c.heads);
  const auto d_q = uploaded(repeated(testing::whole_numbers(2 * 8, 1), c.heads));
  const auto d_k = uploaded(repeated(testing::whole_numbers(3 * 8, 2), c.heads));
  const auto lists = poisoned<std::int32_t>(levels.list_entries);
  select({levels, d_q.data(), d_k.data(), 8, lists.data()}, Stream{});
  const std::vector<std::int32_t> actual = download(lists, Stream{});
  for (std::size_t i = 4; i < actual.size(); ++i) ASSERT_EQ(actual[i], actual[i % 4]) << i;
}

TEST_F(Stages, a_workspace_that_is_too_small_or_misaligned_is_an_error) {
  const StageCase c{.heads = 2, .query_tokens = 40, .key_tokens = 40, .block_size = 2, .top_k = {2, 2}};
  const Levels levels = make_levels(c.resolved(), c.heads);
  const std::size_t bytes = transpose_workspace(levels);
  const auto memory = poisoned<std::byte>(static_cast<std::int64_t>(bytes) + 16);
  const auto lists = poisoned<std::int32_t>(levels.list_entries), indices = poisoned<std::int32_t>(levels.list_entries);
  const auto offsets = poisoned<std::int64_t>(levels.offset_entries);
  const TransposeParams params{levels, lists.data(), offsets.data(), indices.data()};
  llsa::testing::expect_error(
      "transpose: the workspace has " + std::to_string(bytes - 1) + " bytes; " + std::to_string(bytes) + " are needed",
      [&] { transpose(params, memory.data(), bytes - 1, Stream{}); });
  llsa::testing::expect_error("transpose: the workspace must start at a multiple of 256 bytes",
                              [&] { transpose(params, memory.data() + 16, bytes, Stream{}); });
}

}  // namespace
}  // namespace llsa::cuda

#include "reference/transpose.hpp"

#include "support/case.hpp"
#include "support/check.hpp"
#include "support/selections.hpp"

namespace llsa::testing {
namespace {

using reference::transpose;

/// Lists of `keys` key tokens that hold the transposed lists, each as long as the longest, to be transposed again.
LevelSelection as_lists(const TransposedList& transposed, std::int64_t keys, std::int64_t queries) {
  LevelSelection lists{1, keys, queries, std::vector<std::int32_t>(static_cast<std::size_t>(keys * queries), -1)};
  for (std::int64_t c = 0; c < keys; ++c) std::ranges::copy(transposed.queries_of(c), lists.row(0, c).begin());
  return lists;
}

TEST(Transpose, equals_the_transposed_boolean_mask_and_twice_is_the_identity) {
  check("transpose equals the mask's transpose", [] {
    const Case c = *cases();
    const ResolvedOptions options = c.resolved();
    const std::int64_t heads = c.batch * c.heads;
    const Selection selection = random_selection(options, heads, c.seed);
    ThreadPool threads(2);
    for (int l = 1; l <= options.levels; ++l) {
      const LevelSelection& lists = selection.level(l);
      const std::int64_t keys = options.key.length(l), queries = lists.queries;
      const auto all = transpose(lists, keys, threads);
      RC_ASSERT(static_cast<std::int64_t>(all.size()) == heads);
      for (std::int64_t head = 0; head < heads; ++head) {
        std::vector<std::vector<std::int32_t>> expected(static_cast<std::size_t>(keys));
        std::size_t entries = 0;
        for (std::int64_t t = 0; t < queries; ++t)
          for (const std::int32_t key : lists.list(head, t)) {
            expected[static_cast<std::size_t>(key)].push_back(static_cast<std::int32_t>(t));
            ++entries;
          }
        const TransposedList one = transpose(lists, head, keys);
        RC_ASSERT(one.offsets == all[static_cast<std::size_t>(head)].offsets);
        RC_ASSERT(one.query_indices == all[static_cast<std::size_t>(head)].query_indices);
        RC_ASSERT(one.offsets.size() == static_cast<std::size_t>(keys) + 1);
        RC_ASSERT(one.offsets.front() == 0);
        RC_ASSERT(std::ranges::is_sorted(one.offsets));
        RC_ASSERT(one.offsets.back() == static_cast<std::int64_t>(entries));
        RC_ASSERT(one.query_indices.size() == entries);
        for (std::int64_t key = 0; key < keys; ++key)
          RC_ASSERT(std::ranges::equal(one.queries_of(key), expected[static_cast<std::size_t>(key)]));
        const TransposedList back = transpose(as_lists(one, keys, queries), 0, queries);
        for (std::int64_t t = 0; t < queries; ++t) {
          std::vector<std::int32_t> list(lists.list(head, t).begin(), lists.list(head, t).end());
          std::ranges::sort(list);
          RC_ASSERT(std::ranges::equal(back.queries_of(t), list));
        }
      }
    }
  });
}

TEST(Transpose, of_keys_that_nobody_selected_is_empty_but_complete) {
  const LevelSelection lists{1, 2, 2, {3, 1, 3, -1}};
  const TransposedList transposed = transpose(lists, 0, 6);
  EXPECT_EQ(transposed.offsets, (std::vector<std::int64_t>{0, 0, 1, 1, 3, 3, 3}));
  EXPECT_EQ(transposed.query_indices, (std::vector<std::int32_t>{0, 0, 1}));
}

}  // namespace
}  // namespace llsa::testing

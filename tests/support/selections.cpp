#include "support/selections.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include "llsa/error.hpp"

namespace llsa::testing {

Selection random_selection(const ResolvedOptions& options, std::int64_t heads, std::uint64_t seed,
                           bool same_for_all_queries) {
  std::mt19937_64 random(seed);
  Selection selection(heads, options);
  std::vector<std::int32_t> allowed;
  for (int l = options.levels; l >= 1; --l)
    for (std::int64_t head = 0; head < heads; ++head)
      for (std::int64_t t = 0; t < selection.level(l).queries; ++t) {
        const auto row = selection.level(l).row(head, t);
        if (same_for_all_queries && t > 0) {
          std::ranges::copy(selection.level(l).row(head, 0), row.begin());
          continue;
        }
        candidates(selection, options, l, head, t, allowed);
        std::shuffle(allowed.begin(), allowed.end(), random);
        std::size_t size = std::min(row.size(), allowed.size());
        if (random() % 4 == 0) size = 1 + random() % size;
        std::copy_n(allowed.begin(), size, row.begin());
      }
  return selection;
}

Verdict is_best(const Selection& selection, const std::vector<Tensor<double>>& query,
                const std::vector<Tensor<double>>& key, const ResolvedOptions& options, double gap) {
  const std::int64_t heads = options.levels > 0 ? query[0].shape().batch * query[0].shape().heads : 0;
  try {
    validate(selection, options, heads);
  } catch (const Error& error) {
    return ::testing::AssertionFailure() << error.what();
  }
  std::vector<std::int32_t> allowed;
  for (int l = 1; l <= options.levels; ++l)
    for (std::int64_t head = 0; head < heads; ++head) {
      const auto q = query[static_cast<std::size_t>(l - 1)].view().head(head);
      const auto k = key[static_cast<std::size_t>(l - 1)].view().head(head);
      for (std::int64_t t = 0; t < q.tokens; ++t) {
        const auto score = [&](std::int32_t c) {
          double sum = 0;
          for (std::int64_t d = 0; d < q.dim; ++d) sum += q(t, d) * k(c, d);
          return sum;
        };
        const auto failure = [&] {
          return ::testing::AssertionFailure() << "level " << l << ", head " << head << ", query token " << t << ": ";
        };
        const auto list = selection.list(l, head, t);
        candidates(selection, options, l, head, t, allowed);
        if (list.size() != std::min(allowed.size(), static_cast<std::size_t>(options.k(l))))
          return failure() << "the list has " << list.size() << " tokens of " << allowed.size() << " candidates";
        for (std::size_t i = 1; i < list.size(); ++i)
          if (!(score(list[i - 1]) >= score(list[i]) - gap))
            return failure() << "token " << list[i - 1] << " stands before " << list[i] << ", which scores more";
        for (const std::int32_t c : allowed)
          if (std::ranges::find(list, c) == list.end() && !(score(c) <= score(list.back()) + gap))
            return failure() << "token " << c << " was left out, but scores " << score(c) - score(list.back())
                             << " more than " << list.back();
      }
    }
  return ::testing::AssertionSuccess();
}

}  // namespace llsa::testing

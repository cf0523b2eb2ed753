#include "compare/keys_per_query.hpp"

#include <vector>

#include "reference/key_runs.hpp"

namespace llsa::compare {

double keys_per_query(const Selection& selection, const ResolvedOptions& options, std::int64_t heads) {
  if (options.levels == 0) return static_cast<double>(options.key.tokens());
  reference::KeyRuns key_runs(selection, options);
  std::vector<reference::KeyRun> runs;
  const auto size = [&] {
    std::int64_t sum = 0;
    for (const reference::KeyRun& run : runs) sum += run.end - run.begin;
    return sum;
  };
  double total = 0;
  for (std::int64_t head = 0; head < heads; ++head) {
    for (std::int64_t t = 0; t < options.query.length(1); ++t) {
      const TokenRange queries = options.query.fine(1, t);
      key_runs.shared(head, queries.begin, runs);
      std::int64_t keys = size();
      key_runs.own(head, t, runs);
      keys += size();
      total += static_cast<double>(keys) * static_cast<double>(queries.size());
    }
  }
  return total / static_cast<double>(heads) / static_cast<double>(options.query.tokens());
}

}  // namespace llsa::compare

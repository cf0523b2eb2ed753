// The keys that a query attends to where nothing is uncertain are the definition's, one by one.
#include "compare/verify/uncertain_keys.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "compare/problem.hpp"
#include "compare/problem_cases.hpp"
#include "reference/attention.hpp"
#include "reference/naive.hpp"

namespace llsa::compare::verify {
namespace {

using Key = std::tuple<int, std::int64_t, double>;

TEST(UncertainKeys, are_the_definitions_and_certain_where_every_list_was_given) {
  ThreadPool threads(1);
  reference::ReferenceAttention<double> attention(threads);
  for (const Coverage coverage : {Coverage::overlapping, Coverage::disjoint})
    for (const bool reweight : {true, false})
      for (const int enriched : {0, 1, 2}) {
        const Options options{.block_size = 3,
                              .levels = 2,
                              .top_k = {2, 3},
                              .enrichment_levels = enriched,
                              .reweight = reweight,
                              .coverage = coverage};
        const auto problem = make_problem(
            {.name = "", .query = {1, 1, 31, 4}, .key = {1, 1, 40, 4}, .options = options, .seed = 9}, DType::f64);
        const auto outcome = run_attention<double>(attention, problem);
        for (std::int64_t block = 0; block * 3 < 31; ++block) {
          const auto found = uncertain_keys(outcome.options, {}, outcome.selection, {true, true, true}, 0, 0, block);
          std::vector<Key> got, want;
          for (const UncertainKey& key : found) {
            EXPECT_TRUE(key.certain);
            got.emplace_back(key.ref.level, key.ref.token, key.ref.weight);
          }
          for (const auto& ref : reference::naive_key_set(outcome.selection, outcome.options, 0, block * 3))
            want.emplace_back(ref.level, ref.token, ref.weight);
          std::ranges::sort(got);
          std::ranges::sort(want);
          EXPECT_EQ(got, want) << "block " << block;
        }
      }
}

}  // namespace
}  // namespace llsa::compare::verify

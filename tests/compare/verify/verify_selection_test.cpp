// llsa-compare verify on selections, given as indices or seen through the outputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "planted.hpp"

namespace llsa::compare::verify {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using Levels = Mistake::Levels;

/// Expects that both ways of seeing it name the mistake: the lists when they are given, the output when they are not.
void expect_named(const Mistake& mistake, const std::string& words, const Problem<double>& problem = ragged_problem()) {
  const Outcome<double> outcome = compute(problem, mistake);
  const VerifyReport given = verify_outcome(problem, outcome);
  EXPECT_FALSE(given.right());
  std::string found;
  for (const TensorVerdict& v : given.tensors)
    if (v.name.rfind("indices_", 0) == 0) found += findings_of(given, v.name) + "\n";
  EXPECT_THAT(found, HasSubstr(words));
  const VerifyReport unseen =
      verify_outcome(problem, outcome, {.indices = false, .storage = DType::f32, .only = {"o"}});
  EXPECT_FALSE(unseen.right());
  EXPECT_THAT(findings_of(unseen, "o"), HasSubstr("looks like: "));
  EXPECT_THAT(findings_of(unseen, "o"), HasSubstr(words));
}

/// Selects with other tensors than the level's own: `query_of(l)` and `key_of(l)` are scored for level l.
Selection select_by(const ResolvedOptions& o, std::int64_t heads,
                    const std::function<double(int level, std::int64_t head, std::int64_t t, std::int64_t c)>& score,
                    bool ties_up = false) {
  Selection selection(heads, o);
  std::vector<std::int32_t> allowed;
  for (int l = o.levels; l >= 1; --l)
    for (std::int64_t head = 0; head < heads; ++head)
      for (std::int64_t t = 0; t < o.query.length(l); ++t) {
        candidates(selection, o, l, head, t, allowed);
        std::sort(allowed.begin(), allowed.end(), [&](std::int32_t a, std::int32_t b) {
          const double x = score(l, head, t, a), y = score(l, head, t, b);
          return x != y ? x > y : ties_up ? a > b : a < b;
        });
        const std::size_t size = std::min(allowed.size(), static_cast<std::size_t>(o.k(l)));
        std::copy_n(allowed.begin(), size, selection.level(l).row(head, t).begin());
      }
  return selection;
}

double dot(const Tensor<double>& q, std::int64_t t, const Tensor<double>& k, std::int64_t c, std::int64_t head) {
  double sum = 0;
  for (std::int64_t d = 0; d < q.shape().dim; ++d) sum += q.view().head(head)(t, d) * k.view().head(head)(c, d);
  return sum;
}
const Tensor<double>& at(const Levels& levels, int level) { return levels[static_cast<std::size_t>(level - 1)]; }

TEST(VerifySelection, names_fewer_selected_blocks) {
  expect_named({.options =
                    [](ResolvedOptions& o) {
                      for (auto& k : o.top_k) --k;
                    }},
               "fewer selected blocks: top_k - 1");
  expect_named({.options = [](ResolvedOptions& o) { --o.top_k[0]; }}, "fewer selected blocks: top_k - 1 at level 1");
}

TEST(VerifySelection, names_ties_that_go_to_the_higher_index) {
  const auto ties_up = [](const Levels& q, const Levels& k, const ResolvedOptions& o) {
    return select_by(
        o, 2, [&](int l, auto head, auto t, auto c) { return dot(at(q, l), t, at(k, l), c, head); }, true);
  };
  expect_named({.select = ties_up}, "ties go to the higher index",
               ragged_problem([](BatteryCase& c) { c.content = Content::equal_scores; }));
  expect_named({.select = ties_up}, "ties go to the higher index",
               ragged_problem([](BatteryCase& c) { c.content = Content::repeated_keys; }));
}

TEST(VerifySelection, names_scores_of_the_level_above) {
  const auto parents = [](const Levels& q, const Levels& k, const ResolvedOptions& o) {
    return select_by(o, 2, [&](int l, auto head, auto t, auto c) {
      return l < o.levels ? dot(at(q, l + 1), t / o.block_size, at(k, l), c, head)
                          : dot(at(q, l), t, at(k, l), c, head);
    });
  };
  expect_named({.select = parents}, "selection off by a level: scored with the query tokens of the level above");
  const auto parent_keys = [](const Levels& q, const Levels& k, const ResolvedOptions& o) {
    return select_by(o, 2, [&](int l, auto head, auto t, auto c) {
      return l < o.levels ? dot(at(q, l), t, at(k, l + 1), c / o.block_size, head)
                          : dot(at(q, l), t, at(k, l), c, head);
    });
  };
  expect_named({.select = parent_keys}, "selection off by a level: scored with the key tokens of the level above");
}

TEST(VerifySelection, names_the_lowest_scores) {
  const auto lowest = [](const Levels& q, const Levels& k, const ResolvedOptions& o) {
    return select_by(o, 2, [&](int l, auto head, auto t, auto c) { return -dot(at(q, l), t, at(k, l), c, head); });
  };
  expect_named({.select = lowest}, "the lowest scores are selected");
}

TEST(VerifySelection, names_another_number_of_levels) {
  const Problem<double> problem = ragged_problem();
  const auto with_levels = [&](int levels) {
    Problem<double> other = problem;
    other.options.levels = levels;
    other.options.top_k = levels == 1 ? std::vector<std::int64_t>{3} : std::vector<std::int64_t>{3, 2, 2};
    return verify_outcome(problem, compute(other, {}), {.indices = false, .storage = DType::f32, .only = {"o"}});
  };
  EXPECT_THAT(findings_of(with_levels(1), "o"), HasSubstr("looks like: selection off by a level: one level fewer"));
  EXPECT_THAT(findings_of(with_levels(3), "o"), HasSubstr("looks like: selection off by a level: one level more"));
}

TEST(VerifySelection, names_dense_attention) {
  const Problem<double> problem = ragged_problem();
  Problem<double> dense = problem;
  dense.options = {.levels = 0};
  EXPECT_THAT(
      findings_of(verify_outcome(problem, compute(dense, {}), {.indices = false, .storage = DType::f32, .only = {"o"}}),
                  "o"),
      HasSubstr("looks like: dense attention over all keys"));
}

TEST(VerifySelection, judges_values_on_their_selection) {
  const Problem<double> problem = ragged_problem();
  Mistake mistake;
  mistake.select = [](const Levels& q, const Levels& k, const ResolvedOptions& o) {
    Selection s = reference::naive_select(q, k, o);
    std::vector<std::int32_t> allowed;
    candidates(s, o, 1, 0, 5, allowed);
    const auto list = s.list(1, 0, 5);
    for (const std::int32_t c : allowed)
      if (std::find(list.begin(), list.end(), c) == list.end()) return s.level(1).row(0, 5)[2] = c, s;
    return s;
  };
  const VerifyReport report = verify_mistake(problem, mistake);
  EXPECT_EQ(verdict_of(report, "indices_1").verdict, Verdict::wrong);
  EXPECT_EQ(verdict_of(report, "indices_1").selection->flips, 1);
  EXPECT_THAT(findings_of(report, "indices_1"), HasSubstr("1 flips in 1 of 102 lists"));
  EXPECT_THAT(findings_of(report, "indices_1"), HasSubstr("level 1, head 0, query token 5 has key token"));
  for (const char* name : {"indices_2", "o", "lse", "dq", "dk", "dv"})
    EXPECT_EQ(verdict_of(report, name).verdict, Verdict::right) << name;
  EXPECT_FALSE(report.right());
}

TEST(VerifySelection, accepts_another_order_within_the_lists_and_says_so) {
  const Problem<double> problem = ragged_problem();
  Outcome<double> outcome = compute(problem, {});
  auto row = outcome.selection.level(1).row(1, 7);
  std::swap(row[0], row[2]);
  const VerifyReport report = verify_outcome(problem, outcome);
  EXPECT_TRUE(report.right());
  EXPECT_THAT(findings_of(report, "indices_1"), HasSubstr("1 of 102 lists are not ordered by score"));
}

TEST(VerifySelection, accepts_flips_below_the_score_gap_of_the_inputs_type) {
  Problem<double> problem =
      ragged_problem([](BatteryCase& c) { c.options = {.block_size = 4, .levels = 1, .top_k = {1}}; });
  for (std::int64_t t = 0; t < 203; ++t)
    for (std::int64_t d = 0; d < 8; ++d) {
      problem.query(0, 0, t, d) = problem.query(0, 1, t, d) = 1;
      for (std::int64_t h = 0; h < 2; ++h) problem.key(0, h, t, d) = t / 4 == 20 ? 2 + 1e-7 : t / 4 == 10 ? 2 : 1;
    }
  Mistake other{.select = [](const Levels& q, const Levels& k, const ResolvedOptions& o) {
    Selection s = reference::naive_select(q, k, o);
    for (std::int32_t& index : s.level(1).indices) index = 10;
    return s;
  }};
  const VerifyReport report = verify_mistake(problem, other);
  EXPECT_TRUE(report.right());
  EXPECT_GT(verdict_of(report, "indices_1").selection->largest_gap, 1e-9);
  // In double that gap is an error.
  ThreadPool threads(1);
  Theirs exact = written(compute(problem, other), {.indices = true, .storage = DType::f64, .only = {}});
  EXPECT_FALSE(verify(problem, exact, {.tolerance = {}, .inputs = DType::f64}, threads).right());
}

TEST(VerifySelection, rejects_indices_that_are_no_selection_in_one_line) {
  const Problem<double> problem = ragged_problem();
  const Outcome<double> right = compute(problem, {});
  const auto verdict = [&](const std::function<void(Selection&)>& spoil) {
    Outcome<double> outcome = right;
    spoil(outcome.selection);
    const VerifyReport report = verify_outcome(problem, outcome);
    EXPECT_FALSE(report.right());
    EXPECT_EQ(verdict_of(report, "o").verdict, Verdict::right) << "judged on ours";
    return findings_of(report, "indices_1");
  };
  EXPECT_THAT(verdict([](Selection& s) { s.level(1).row(0, 3)[1] = 999; }), HasSubstr("index 999 is not a candidate"));
  EXPECT_THAT(verdict([](Selection& s) { s.level(1).row(0, 3)[1] = s.level(1).row(0, 3)[0]; }),
              HasSubstr("is listed twice"));
  EXPECT_THAT(verdict([](Selection& s) { s.level(1).row(1, 0)[0] = -1; }), HasSubstr("level 1, head 1, query token 0"));
  EXPECT_THAT(verdict([](Selection& s) { std::fill(s.level(1).indices.begin(), s.level(1).indices.end(), -1); }),
              HasSubstr("the list is empty"));
}

TEST(VerifySelection, judges_one_level_alone) {
  const Problem<double> problem = ragged_problem();
  Outcome<double> outcome = compute(problem, {});
  Theirs theirs = written(outcome);
  theirs.indices.erase(1);
  ThreadPool threads(1);
  EXPECT_TRUE(verify(problem, theirs, {.tolerance = {}, .inputs = DType::f32}, threads).right());
  theirs.indices[2].row(0, 0)[0] = theirs.indices[2].row(0, 0)[0] == 0 ? 1 : 0;
  EXPECT_FALSE(verify(problem, theirs, {.tolerance = {}, .inputs = DType::f32}, threads).right());
}

}  // namespace
}  // namespace llsa::compare::verify

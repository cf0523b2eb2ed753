// llsa-compare verify without indices: rows whose selection rounding decides are judged all the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "compare/verify/definition.hpp"
#include "compare/verify/gradient_parts.hpp"
#include "planted.hpp"

namespace llsa::compare::verify {
namespace {

using ::testing::HasSubstr;

/// Normal bf16 inputs: most query blocks have scores at the edge of their list that tie within what bf16 may round.
Problem<double> bf16_problem(bool gradients) {
  Problem<double> p = make_problem({.name = "",
                                    .query = {1, 2, 500, 16},
                                    .key = {1, 2, 500, 16},
                                    .value_dim = 16,
                                    .options = {.block_size = 8, .levels = 1, .top_k = {6}},
                                    .seed = 9});
  if (!gradients) p.output_gradient = p.lse_gradient = {};
  return as_stored<bfloat16>(p);
}

VerifyReport judge(const Problem<double>& problem, const Outcome<double>& outcome, std::vector<std::string> only,
                   double require = 0.99, DType storage = DType::bf16) {
  ThreadPool threads(1);
  return verify(problem, written(outcome, {.indices = false, .storage = storage, .only = std::move(only)}),
                {.tolerance = {}, .inputs = storage, .require_judged = require, .diagnose = false}, threads);
}

/// Rows of query blocks whose list could be another one if scores were off by `gap`.
std::vector<std::pair<std::int64_t, std::int64_t>> near_tied_blocks(const Problem<double>& p, double gap) {
  DefinitionEvaluator evaluator(p, p.resolved().levels);
  std::vector<std::pair<std::int64_t, std::int64_t>> blocks;
  for (std::int64_t head = 0; head < p.head_count(); ++head)
    for (std::int64_t b = 0; b < p.resolved().query.length(1); ++b)
      if (evaluator.margin(specification(p.resolved()), head, b * p.options.block_size) <= gap)
        blocks.emplace_back(head, b);
  return blocks;
}

void fill(Tensor<double>& tensor, std::int64_t head, TokenRange rows, double value) {
  const auto x = tensor.view().head(head);
  for (std::int64_t t = rows.begin; t < rows.end; ++t)
    for (std::int64_t d = 0; d < x.dim; ++d) x(t, d) = value;
}

TEST(VerifyUnindexed, garbage_in_every_near_tied_block_is_wrong) {
  const Problem<double> problem = bf16_problem(false);
  const Outcome<double> right = compute(problem, {});
  EXPECT_TRUE(judge(problem, right, {"o"}).right());
  const auto blocks = near_tied_blocks(problem, 1e-2);
  ASSERT_GT(blocks.size(), 40u);
  for (const double garbage : {std::nan(""), 0.0, 1.0}) {
    Outcome<double> outcome = right;
    for (const auto& [head, b] : blocks) fill(outcome.output, head, problem.resolved().query.fine(1, b), garbage);
    EXPECT_EQ(judge(problem, outcome, {"o"}).conclusion(), Conclusion::wrong) << garbage;
  }
}

TEST(VerifyUnindexed, every_block_that_is_zeroed_alone_is_wrong) {
  const Problem<double> problem = bf16_problem(true);
  const Outcome<double> right = compute(problem, {});
  EXPECT_TRUE(judge(problem, right, {}).right());
  for (const auto& [head, b] : near_tied_blocks(problem, 1e-2)) {
    if (b % 7 != 0) continue;
    for (Tensor<double> Outcome<double>::*of : {&Outcome<double>::output, &Outcome<double>::query_gradient}) {
      Outcome<double> outcome = right;
      fill(outcome.*of, head, problem.resolved().query.fine(1, b), 0);
      EXPECT_EQ(judge(problem, outcome, {}).conclusion(), Conclusion::wrong) << head << " " << b;
    }
  }
}

/// The list of one near-tied block with its last token replaced by the best that was left out.
Mistake other_choice(std::int64_t head, std::int64_t block) {
  return {.select = [=](const Mistake::Levels& q, const Mistake::Levels& k, const ResolvedOptions& o) {
    Selection s = reference::naive_select(q, k, o);
    ResolvedOptions more = o;
    ++more.top_k[0];
    const auto list = reference::naive_select(q, k, more).list(1, head, block);
    s.level(1).row(head, block).back() = list.back();
    return s;
  }};
}

TEST(VerifyUnindexed, a_near_tied_selection_is_found_and_everything_judged_by_it) {
  const Problem<double> problem = bf16_problem(true);
  const auto [head, block] = near_tied_blocks(problem, 1e-3).front();
  const Outcome<double> other = compute(problem, other_choice(head, block));
  const VerifyReport report = judge(problem, other, {});
  EXPECT_TRUE(report.right());
  for (const char* name : {"o", "lse", "dq"}) {
    EXPECT_EQ(verdict_of(report, name).judged.alternative, 8) << name;
    EXPECT_EQ(verdict_of(report, name).judged.exact, 992) << name;
    EXPECT_EQ(verdict_of(report, name).judged.share(), 1) << name;
  }
  // dQ alone tells as well; a right O does not excuse the dQ of another selection.
  EXPECT_TRUE(judge(problem, other, {"dq", "dk", "dv"}).right());
  Outcome<double> mixed = other;
  mixed.output = compute(problem, {}).output;
  EXPECT_FALSE(judge(problem, mixed, {}).right());
}

TEST(VerifyUnindexed, a_selection_beyond_rounding_is_wrong) {
  const Problem<double> problem = bf16_problem(false);
  const auto tied = near_tied_blocks(problem, 1e-2);
  for (std::int64_t block = 0; block < 63; ++block) {
    if (std::ranges::count(tied, std::pair<std::int64_t, std::int64_t>{0, block}) > 0) continue;
    EXPECT_FALSE(judge(problem, compute(problem, other_choice(0, block)), {"o"}).right()) << block;
  }
}

/// So many near ties that not all selections can be tried: keys alike up to 1e-4.
Problem<double> alike_problem() {
  Problem<double> p = bf16_problem(true);
  for (std::int64_t head = 0; head < 2; ++head)
    for (std::int64_t t = 0; t < 500; ++t)
      for (std::int64_t d = 0; d < 16; ++d) {
        double& k = p.key.view().head(head)(t, d);
        k = 1 + 1e-4 * k;
      }
  return p;
}
Selection far_choice(const Mistake::Levels& q, const Mistake::Levels& k, const ResolvedOptions& o) {
  Selection s = reference::naive_select(q, k, o);
  for (std::int64_t head = 0; head < 2; ++head)
    for (std::int64_t n = 0; n < 6; ++n)
      s.level(1).row(head, 5)[static_cast<std::size_t>(n)] = static_cast<std::int32_t>(20 + 3 * n);
  return s;
}

TEST(VerifyUnindexed, where_selections_are_too_many_bounds_remain) {
  const Problem<double> problem = alike_problem();
  const Outcome<double> outcome = compute(problem, {.select = far_choice});
  const VerifyReport report = judge(problem, outcome, {});
  for (const TensorVerdict& v : report.tensors)
    EXPECT_NE(v.verdict, Verdict::wrong) << v.name << findings_of(report, v.name);
  EXPECT_EQ(verdict_of(report, "o").judged.bounded, 16);
  // The bounds are no carte blanche.
  Outcome<double> outside = outcome;
  outside.output.view().head(0)(41, 3) = 5;
  EXPECT_EQ(judge(problem, outside, {}).conclusion(), Conclusion::wrong);
  Outcome<double> nan = outcome;
  nan.query_gradient.view().head(0)(41, 3) = std::nan("");
  EXPECT_EQ(judge(problem, nan, {}).conclusion(), Conclusion::wrong);
  Outcome<double> lse = outcome;
  lse.lse.view().head(0)(41, 0) += 1;
  EXPECT_EQ(judge(problem, lse, {}).conclusion(), Conclusion::wrong);
}

TEST(VerifyUnindexed, too_little_judged_is_not_right) {
  const Problem<double> problem = alike_problem();
  // dK and dV alone say nothing of the selection of a block.
  const Outcome<double> outcome = compute(problem, {.select = far_choice});
  const VerifyReport report = judge(problem, outcome, {"dk", "dv"});
  EXPECT_EQ(report.conclusion(), Conclusion::not_judged_enough);
  EXPECT_LT(verdict_of(report, "dk").judged.share(), 0.99);
  EXPECT_NE(judge(problem, outcome, {"dk", "dv"}, 0).conclusion(), Conclusion::wrong);
  Outcome<double> nan = outcome;
  nan.value_gradient.view().head(0)(41, 3) = INFINITY;
  EXPECT_EQ(judge(problem, nan, {"dk", "dv"}, 0).conclusion(), Conclusion::wrong);
}

}  // namespace
}  // namespace llsa::compare::verify

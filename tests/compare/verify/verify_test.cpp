// llsa-compare verify on outputs and log-sum-exps: right ones pass, each planted mistake is named.
#include "compare/verify/verify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "llsa/token_order.hpp"
#include "planted.hpp"

namespace llsa::compare::verify {
namespace {

using reference::AttendedKey;
using ::testing::HasSubstr;

/// Both ways of giving the outputs: with their selection, and without, so that the tool selects for itself.
class Verify : public ::testing::TestWithParam<bool> {
 protected:
  Written how() const { return {.indices = GetParam(), .storage = DType::f32, .only = {"o", "lse"}}; }

  void expect_named(const Mistake& mistake, const std::string& words,
                    const Problem<double>& problem = ragged_problem()) {
    const VerifyReport report = verify_mistake(problem, mistake, how());
    EXPECT_FALSE(report.right());
    for (const char* name : {"o", "lse"}) {
      EXPECT_EQ(verdict_of(report, name).verdict, Verdict::wrong);
      EXPECT_THAT(findings_of(report, name), HasSubstr("looks like: " + words)) << name;
    }
  }
};
INSTANTIATE_TEST_SUITE_P(, Verify, ::testing::Bool(),
                         [](const auto& p) { return p.param ? "WithIndices" : "WithoutIndices"; });

TEST_P(Verify, right_outputs_pass_in_every_storage_type) {
  const Problem<double> problem = ragged_problem();
  const Outcome<double> outcome = compute(problem, {});
  for (const DType storage : {DType::f64, DType::f32, DType::f16, DType::bf16}) {
    const VerifyReport report =
        verify_outcome(problem, outcome, {.indices = GetParam(), .storage = storage, .only = {}});
    EXPECT_TRUE(report.right()) << name_of(storage);
    for (const TensorVerdict& v : report.tensors)
      EXPECT_EQ(v.verdict, Verdict::right) << name_of(storage) << " " << v.name << findings_of(report, v.name);
    EXPECT_EQ(report.tensors.size(), GetParam() ? 7u : 5u);
  }
}

TEST_P(Verify, right_outputs_pass_for_every_kind_of_options) {
  const auto passes = [&](const std::function<void(BatteryCase&)>& change) {
    const Problem<double> problem = ragged_problem(change);
    const VerifyReport report = verify_mistake(problem, {}, {.indices = GetParam(), .storage = DType::f32, .only = {}});
    for (const TensorVerdict& v : report.tensors)
      EXPECT_EQ(v.verdict, Verdict::right) << v.name << findings_of(report, v.name);
  };
  passes([](BatteryCase& c) { c.options.coverage = Coverage::disjoint; });
  passes([](BatteryCase& c) { c.options.reweight = false; });
  passes([](BatteryCase& c) { c.options.enrichment_levels = 1; });
  passes([](BatteryCase& c) {
    c.options.levels = 0;
    c.options.top_k = {1};
  });
  passes([](BatteryCase& c) {
    c.query.tokens = 37;
    c.value_dim = 3;
  });
  passes([](BatteryCase& c) { c.query.tokens = c.key.tokens = 1; });
  passes([](BatteryCase& c) {
    c.options.levels = 5;
    c.options.top_k = {2};
    c.lse_gradient = false;
  });
  passes([](BatteryCase& c) { c.content = Content::repeated_keys; });
  passes([](BatteryCase& c) { c.content = Content::constant_value; });
}

TEST_P(Verify, names_missing_reweighting) {
  expect_named({.options = [](ResolvedOptions& o) { o.reweight = false; }}, "no reweighting");
}
TEST_P(Verify, names_reweighting_that_should_be_off) {
  expect_named({.options = [](ResolvedOptions& o) { o.reweight = true; }},
               "coarse keys are reweighted although this is off",
               ragged_problem([](BatteryCase& c) { c.options.reweight = false; }));
}
TEST_P(Verify, names_the_other_coverage) {
  expect_named({.options = [](ResolvedOptions& o) { o.coverage = Coverage::disjoint; }}, "disjoint coverage");
  expect_named({.options = [](ResolvedOptions& o) { o.coverage = Coverage::overlapping; }}, "overlapping coverage",
               ragged_problem([](BatteryCase& c) { c.options.coverage = Coverage::disjoint; }));
}
TEST_P(Verify, names_a_dropped_enriched_level) {
  for (const int level : {1, 2})
    expect_named({.keys =
                      [level](std::vector<AttendedKey>& keys, const ResolvedOptions&) {
                        std::erase_if(keys, [level](const AttendedKey& r) { return r.level == level; });
                      }},
                 "enriched level " + std::to_string(level) + " is dropped");
}
TEST_P(Verify, names_dropped_fine_keys) {
  expect_named(
      {.keys = [](std::vector<AttendedKey>& keys,
                  const ResolvedOptions&) { std::erase_if(keys, [](const AttendedKey& r) { return r.level == 0; }); }},
      "the fine keys are dropped");
}
TEST_P(Verify, names_the_wrong_count_at_the_ragged_tail) {
  expect_named({.keys =
                    [](std::vector<AttendedKey>& keys, const ResolvedOptions& o) {
                      for (AttendedKey& r : keys)
                        if (r.level > 0) r.weight = std::pow(o.block_size, r.level);
                    }},
               "wrong count at the ragged tail");
}
TEST_P(Verify, names_a_tail_that_is_pooled_as_if_padded_with_zeros) {
  expect_named({.pooled =
                    [](Tensor<double>& x, const Hierarchy& h, int level) {
                      const std::int64_t last = h.length(level) - 1;
                      const double factor = static_cast<double>(h.count(level, last)) / std::pow(h.block_size(), level);
                      for (std::int64_t head = 0; head < x.shape().heads; ++head)
                        for (std::int64_t d = 0; d < x.shape().dim; ++d) x.view().head(head)(last, d) *= factor;
                    }},
               "the ragged tail is pooled as if padded with zeros");
}
TEST_P(Verify, names_a_missing_scale) {
  expect_named({.options = [](ResolvedOptions& o) { o.scale = 1; }}, "the scale is missing");
}
TEST_P(Verify, names_a_base_two_softmax) {
  expect_named({.options = [](ResolvedOptions& o) { o.scale *= std::log(2.0); }},
               "2^s is used where e^s is meant, except for the weights");
}

TEST(VerifyOutputs, name_a_base_two_lse) {
  const Problem<double> problem = ragged_problem();
  Outcome<double> outcome = compute(problem, {});
  for (double& x : outcome.lse.flat()) x /= std::log(2.0);
  const VerifyReport report = verify_outcome(problem, outcome);
  EXPECT_THAT(findings_of(report, "lse"), HasSubstr("lse is in base 2"));
  EXPECT_EQ(verdict_of(report, "o").verdict, Verdict::right);
  EXPECT_FALSE(report.right());
}

TEST(VerifyOutputs, name_an_lse_that_lacks_the_log_of_the_sum_or_the_maximum) {
  const Problem<double> problem = ragged_problem();
  const Outcome<double> right = compute(problem, {});
  Outcome<double> only_largest = right, no_largest = right;
  const ResolvedOptions o = problem.resolved();
  const auto key = reference::naive_pool(problem.key.view(), o.key);
  for (std::int64_t head = 0; head < 2; ++head)
    for (std::int64_t i = 0; i < 203; ++i) {
      double largest = -1e300;
      for (const AttendedKey& r : reference::naive_key_set(right.selection, o, head, i)) {
        const auto keys = (r.level == 0 ? problem.key : key[static_cast<std::size_t>(r.level - 1)]).view().head(head);
        double score = std::log(r.weight);
        for (std::int64_t d = 0; d < 8; ++d)
          score += o.scale * problem.query.view().head(head)(i, d) * keys(r.token, d);
        largest = std::max(largest, score);
      }
      only_largest.lse.view().head(head)(i, 0) = largest;
      no_largest.lse.view().head(head)(i, 0) -= largest;
    }
  EXPECT_THAT(findings_of(verify_outcome(problem, only_largest), "lse"), HasSubstr("only the largest score"));
  EXPECT_THAT(findings_of(verify_outcome(problem, no_largest), "lse"), HasSubstr("the maximum is not added back"));
}

TEST(VerifyOutputs, name_an_output_that_is_not_normalised) {
  const Problem<double> problem = ragged_problem();
  Outcome<double> outcome = compute(problem, {});
  for (std::size_t n = 0; n < outcome.output.flat().size(); ++n)
    outcome.output.flat()[n] *= std::exp(outcome.lse.flat()[n / 8]);
  EXPECT_THAT(findings_of(verify_outcome(problem, outcome), "o"), HasSubstr("not divided by the softmax's sum"));
}

TEST(VerifyOutputs, name_zeros_a_constant_factor_and_the_mean_of_v) {
  const Problem<double> problem = ragged_problem();
  const Outcome<double> right = compute(problem, {});
  Outcome<double> zero = right, half = right, mean = right;
  for (double& x : zero.output.flat()) x = 0;
  for (double& x : half.output.flat()) x *= 0.5;
  for (std::int64_t h = 0; h < 2; ++h)
    for (std::int64_t d = 0; d < 8; ++d) {
      double sum = 0;
      for (std::int64_t j = 0; j < 203; ++j) sum += problem.value(0, h, j, d);
      for (std::int64_t i = 0; i < 203; ++i) mean.output(0, h, i, d) = sum / 203;
    }
  EXPECT_THAT(findings_of(verify_outcome(problem, zero), "o"), HasSubstr("o is zero everywhere"));
  EXPECT_THAT(findings_of(verify_outcome(problem, half), "o"), HasSubstr("o is 0.5 times the right o"));
  EXPECT_THAT(findings_of(verify_outcome(problem, mean), "o"), HasSubstr("o is the mean of v"));
}

TEST(VerifyOutputs, name_heads_that_are_mixed_up_and_another_memory_layout) {
  const Problem<double> problem = ragged_problem();
  const Outcome<double> right = compute(problem, {});
  Outcome<double> swapped = right, interleaved = right;
  const std::size_t head = 203 * 8;
  std::copy_n(right.output.data(), head, swapped.output.data() + head);
  std::copy_n(right.output.data() + head, head, swapped.output.data());
  double* out = interleaved.output.data();
  for (std::int64_t t = 0; t < 203; ++t)
    for (std::int64_t h = 0; h < 2; ++h)
      for (std::int64_t d = 0; d < 8; ++d) *out++ = right.output(0, h, t, d);
  EXPECT_THAT(findings_of(verify_outcome(problem, swapped), "o"),
              HasSubstr("heads are mixed up: in order (batch * heads) they hold those of 1, 0"));
  EXPECT_THAT(findings_of(verify_outcome(problem, interleaved), "o"),
              HasSubstr("memory is [batch, tokens, heads, dim]"));
}

TEST(VerifyOutputs, name_tokens_in_another_order) {
  const Problem<double> problem = ragged_problem([](BatteryCase& c) { c.query.tokens = c.key.tokens = 196; });
  const Outcome<double> right = compute(problem, {});
  Outcome<double> mixed = right;
  const TokenOrder order = morton_order({1, 14, 14});
  for (std::int64_t h = 0; h < 2; ++h)
    for (std::int64_t t = 0; t < 196; ++t)
      for (std::int64_t d = 0; d < 8; ++d)
        mixed.output(0, h, order.to_raster()[static_cast<std::size_t>(t)], d) = right.output(0, h, t, d);
  EXPECT_THAT(findings_of(verify_outcome(problem, mixed), "o"),
              HasSubstr("tokens are in raster order, the right result is in morton order"));
}

TEST(VerifyOutputs, say_where_the_errors_are) {
  const Problem<double> problem = ragged_problem();
  Outcome<double> outcome = compute(problem, {});
  for (std::int64_t t = 200; t < 203; ++t) outcome.output(0, 1, t, 2) += 1;
  const std::string found = findings_of(verify_outcome(problem, outcome), "o");
  EXPECT_THAT(found, HasSubstr("3 of 406 rows hold an element that is off, all in head 1 of 2, tokens 200 to 202 (all "
                               "in the last block, which is ragged)"));
  EXPECT_THAT(found, HasSubstr("worst at [0, 1, 20"));
  EXPECT_THAT(found, ::testing::Not(HasSubstr("looks like")));
}

TEST(VerifyOutputs, reject_non_finite_elements_and_say_where) {
  const Problem<double> problem = ragged_problem();
  Outcome<double> outcome = compute(problem, {});
  outcome.output(0, 0, 17, 3) = std::nan("");
  outcome.query_gradient(0, 1, 5, 0) = INFINITY;
  const VerifyReport report = verify_outcome(problem, outcome);
  EXPECT_THAT(findings_of(report, "o"), HasSubstr("1 non-finite elements differ, first at [0, 0, 17, 3]: nan"));
  EXPECT_THAT(findings_of(report, "dq"), HasSubstr("1 non-finite elements differ, first at [0, 1, 5, 0]: inf"));
  EXPECT_FALSE(report.right());
}

TEST(VerifyOutputs, suggest_the_tolerance_that_rounding_explains) {
  const Problem<double> problem = ragged_problem();
  Outcome<double> outcome = compute(problem, {});
  for (double& x : outcome.output.flat()) x = rounded_to(DType::bf16, x);
  const VerifyReport report = verify_outcome(problem, outcome);
  EXPECT_EQ(verdict_of(report, "o").verdict, Verdict::wrong);
  EXPECT_THAT(findings_of(report, "o"), HasSubstr("--tolerance f16 accepts it"));
  ThreadPool threads(1);
  EXPECT_TRUE(verify(problem, written(outcome), {.tolerance = DType::f16, .inputs = DType::f32}, threads).right());
}

TEST(VerifyOutputs, are_not_held_to_a_tie_that_rounding_decides) {
  // Two blocks of keys that differ by less than fp32 resolves: the first 100 queries may take either. The others are
  // drawn away from both, to blocks that tie exactly.
  Problem<double> problem =
      ragged_problem([](BatteryCase& c) { c.options = {.block_size = 4, .levels = 1, .top_k = {1}}; });
  for (std::int64_t h = 0; h < 2; ++h)
    for (std::int64_t t = 0; t < 203; ++t)
      for (std::int64_t d = 0; d < 8; ++d) {
        problem.query(0, h, t, d) = t < 100 ? 1 : -1;
        problem.key(0, h, t, d) = t / 4 == 10 ? 2 : t / 4 == 20 ? 2 + 1e-7 : 1;
      }
  const auto instead_of = [](std::int32_t from, std::int32_t to) {
    return [=](const Mistake::Levels& q, const Mistake::Levels& k, const ResolvedOptions& o) {
      Selection s = reference::naive_select(q, k, o);
      std::replace(s.level(1).indices.begin(), s.level(1).indices.end(), from, to);
      return s;
    };
  };
  const Written no_indices{.indices = false, .storage = DType::f32, .only = {}};
  const VerifyReport report = verify_outcome(problem, compute(problem, {.select = instead_of(20, 10)}), no_indices);
  EXPECT_TRUE(report.right());
  EXPECT_EQ(verdict_of(report, "o").judged.alternative, 200);
  EXPECT_EQ(verdict_of(report, "o").judged.exact, 206);
  EXPECT_EQ(verdict_of(report, "dv").verdict, Verdict::right) << "judged on the selection that O shows";
  EXPECT_TRUE(verify_outcome(problem, compute(problem, {.select = instead_of(20, 10)})).right())
      << "their indices settle it";
  // A tie is no excuse for the other queries, nor for a block that does not tie.
  EXPECT_FALSE(verify_outcome(problem, compute(problem, {.select = instead_of(20, 7)})).right());
  EXPECT_FALSE(verify_outcome(problem, compute(problem, {.select = instead_of(20, 7)}), no_indices).right());
  EXPECT_FALSE(verify_outcome(problem, compute(problem, {.select = instead_of(0, 7)}), no_indices).right());
}

}  // namespace
}  // namespace llsa::compare::verify

// llsa-compare verify on mistakes of reading and writing memory, and on errors too small for a single element.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "compare/verify/definition.hpp"
#include "compare/verify/gradient_parts.hpp"
#include "llsa/token_order.hpp"
#include "planted.hpp"

namespace llsa::compare::verify {
namespace {

using ::testing::HasSubstr;

/// Every row of a head under a definition, in place of the right ones.
Outcome<double> by_definition(const Problem<double>& problem, const std::function<void(Definition&)>& change) {
  Outcome<double> outcome = compute(problem, {});
  Definition definition = specification(problem.resolved());
  change(definition);
  DefinitionEvaluator evaluator(problem, problem.resolved().levels);
  for (std::int64_t head = 0; head < problem.head_count(); ++head)
    for (std::int64_t i = 0; i < problem.query.shape().tokens; ++i) {
      const DefinedRow row = evaluator.row(definition, head, i, &outcome.selection);
      std::ranges::copy(row.output, outcome.output.view().head(head).row(i));
      outcome.lse.view().head(head)(i, 0) = row.lse;
    }
  return outcome;
}

TEST(VerifyMemory, names_tail_keys_that_are_read_as_zeros) {
  const Problem<double> problem = as_stored<bfloat16>(ragged_problem([](BatteryCase& c) {
    c.query.dim = c.key.dim = c.value_dim = 32;
    c.options = {.block_size = 16, .levels = 1, .top_k = {4}};
  }));
  const Outcome<double> outcome = by_definition(problem, [](Definition& d) { d.keys.zero_tail = true; });
  for (const DType storage : {DType::f32, DType::f16, DType::bf16}) {
    const VerifyReport report =
        verify_outcome(problem, outcome, {.indices = true, .storage = storage, .only = {"o", "lse"}});
    EXPECT_EQ(report.conclusion(), Conclusion::wrong) << name_of(storage);
    EXPECT_THAT(findings_of(report, "lse"), HasSubstr("read as zeros")) << name_of(storage);
    if (storage != DType::bf16) {
      EXPECT_THAT(findings_of(report, "o"), HasSubstr("read as zeros")) << name_of(storage);
    }
  }
}

TEST(VerifyMemory, names_tail_keys_that_are_read_as_garbage) {
  const Problem<double> problem = ragged_problem();
  Outcome<double> outcome = compute(problem, {});
  // One more key behind the end, which holds 1 everywhere.
  for (std::int64_t head = 0; head < 2; ++head)
    for (std::int64_t i = 0; i < 203; ++i) {
      const auto list = outcome.selection.list(1, head, i / 4);
      if (std::ranges::count(list, 50) == 0) continue;
      double score = 0;
      for (std::int64_t d = 0; d < 8; ++d) score += 3 * problem.query.view().head(head)(i, d);
      double& lse = outcome.lse.view().head(head)(i, 0);
      const double sum = std::exp(lse) + std::exp(score * problem.resolved().scale);
      for (std::int64_t d = 0; d < 8; ++d) {
        double& o = outcome.output.view().head(head)(i, d);
        o = (o * std::exp(lse) + 3 * std::exp(score * problem.resolved().scale)) / sum;
      }
      lse = std::log(sum);
    }
  EXPECT_THAT(findings_of(verify_outcome(problem, outcome), "o"),
              HasSubstr("keys behind the end of the ragged last block"));
}

TEST(VerifyMemory, names_every_order_in_which_tokens_may_be_mixed_up) {
  const Problem<double> problem = ragged_problem([](BatteryCase& c) { c.query.tokens = c.key.tokens = 64; });
  const Outcome<double> right = compute(problem, {});
  const std::int64_t n = 64, side = 8;
  const TokenOrder morton = token_order("morton", {1, side, side}), hilbert = token_order("hilbert", {1, side, side});
  const auto at = [](const std::vector<std::int64_t>& order, std::int64_t t) {
    return order[static_cast<std::size_t>(t)];
  };
  const std::pair<const char*, std::function<std::int64_t(std::int64_t)>> mixed[] = {
      {"tokens are in reverse order", [&](std::int64_t t) { return n - 1 - t; }},
      {"tokens are one place too late", [&](std::int64_t t) { return std::max<std::int64_t>(t - 1, 0); }},
      {"tokens are one place too early", [&](std::int64_t t) { return std::min(t + 1, n - 1); }},
      {"tokens are transposed as a square grid", [&](std::int64_t t) { return t % side * side + t / side; }},
      {"tokens are in morton order, the right result is in raster order",
       [&](std::int64_t t) { return at(morton.to_raster(), t); }},
      {"tokens are in raster order, the right result is in morton order",
       [&](std::int64_t t) { return at(morton.from_raster(), t); }},
      {"tokens are in hilbert order, the right result is in raster order",
       [&](std::int64_t t) { return at(hilbert.to_raster(), t); }},
      {"tokens are in raster order, the right result is in hilbert order",
       [&](std::int64_t t) { return at(hilbert.from_raster(), t); }}};
  for (const auto& [name, source] : mixed) {
    Outcome<double> outcome = compute(problem, {});
    for (std::int64_t head = 0; head < problem.head_count(); ++head)
      for (std::int64_t t = 0; t < n; ++t)
        std::copy_n(right.output.view().head(head).row(source(t)), problem.value.shape().dim,
                    outcome.output.view().head(head).row(t));
    EXPECT_THAT(findings_of(verify_outcome(problem, outcome), "o"), HasSubstr(name));
  }
}

TEST(VerifyMemory, names_gradients_in_which_the_last_writer_wins) {
  const Problem<double> problem = ragged_problem();
  Outcome<double> outcome = compute(problem, {});
  Definition definition = specification(problem.resolved());
  definition.last_writer_wins = true;
  DefinitionEvaluator evaluator(problem, 2);
  for (std::int64_t head = 0; head < 2; ++head) {
    const HeadGradients gradients = definition_gradients(evaluator, definition, head, &outcome.selection);
    std::ranges::copy(gradients.key.flat(), outcome.key_gradient.view().head(head).data);
    std::ranges::copy(gradients.value.flat(), outcome.value_gradient.view().head(head).data);
  }
  const VerifyReport report = verify_outcome(problem, outcome);
  EXPECT_THAT(findings_of(report, "dk"), HasSubstr("looks like: the last query block to write a key's gradient wins"));
  EXPECT_THAT(findings_of(report, "dv"), HasSubstr("looks like: the last query block to write a key's gradient wins"));
}

TEST(VerifyMemory, names_wrong_strides_of_the_output_gradient) {
  const Problem<double> problem = ragged_problem();
  const Outcome<double> right = compute(problem, {});
  const auto findings = [&](auto at) {
    Problem<double> other = problem;
    for (std::int64_t h = 0; h < 2; ++h)
      for (std::int64_t t = 0; t < 203; ++t)
        for (std::int64_t d = 0; d < 8; ++d)
          other.output_gradient(0, h, t, d) = problem.output_gradient.flat()[static_cast<std::size_t>(at(h, t, d))];
    Outcome<double> outcome = compute(other, {});
    outcome.output = right.output;
    outcome.lse = right.lse;
    const VerifyReport report = verify_outcome(problem, outcome);
    std::string all;
    for (const char* name : {"dq", "dk", "dv"}) {
      EXPECT_EQ(verdict_of(report, name).verdict, Verdict::wrong);
      all += findings_of(report, name);
      EXPECT_THAT(findings_of(report, name), HasSubstr("grad_output"));
    }
    return all;
  };
  EXPECT_THAT(findings([](auto h, auto t, auto d) { return (t * 2 + h) * 8 + d; }),
              HasSubstr("grad_output is read with the strides of [batch, tokens, heads, dim]"));
  EXPECT_THAT(findings([](auto h, auto, auto d) { return h * 203 * 8 + d; }),
              HasSubstr("grad_output of the first token is read for every token"));
}

TEST(VerifyMemory, names_an_lse_that_is_off_by_a_constant_in_every_type) {
  const Problem<double> problem = as_stored<bfloat16>(ragged_problem());
  Outcome<double> outcome = compute(problem, {});
  for (double& x : outcome.lse.flat()) x += 0.1;
  for (const DType storage : {DType::f32, DType::f16, DType::bf16}) {
    Theirs theirs = written(outcome, {.indices = false, .storage = storage, .only = {"o", "lse"}});
    theirs.tensors.at("lse") = {outcome.lse, DType::f32};
    ThreadPool threads(1);
    const VerifyReport report = verify(problem, theirs, {.tolerance = {}, .inputs = storage}, threads);
    EXPECT_EQ(verdict_of(report, "o").verdict, Verdict::right) << name_of(storage) << findings_of(report, "o");
    EXPECT_EQ(verdict_of(report, "lse").verdict, Verdict::wrong) << name_of(storage);
    EXPECT_THAT(findings_of(report, "lse"), HasSubstr("lse is off by the constant 0.1"));
  }
}

TEST(VerifyMemory, errors_that_lean_one_way_are_wrong_though_each_is_small) {
  const Problem<double> problem =
      as_stored<bfloat16>(ragged_problem([](BatteryCase& c) { c.query.dim = c.key.dim = c.value_dim = 32; }));
  const Outcome<double> right = compute(problem, {});
  const Written how{.indices = true, .storage = DType::bf16, .only = {}};
  const VerifyReport accepted = verify_outcome(problem, right, how);
  EXPECT_TRUE(accepted.right());
  const double allowed = verdict_of(accepted, "dv").tolerance.relative_l2;
  EXPECT_LT(allowed, 0.03);
  Outcome<double> outcome = right;
  for (double& x : outcome.value_gradient.flat()) x *= 1 + 0.8 * allowed;
  const VerifyReport report = verify_outcome(problem, outcome, how);
  EXPECT_EQ(verdict_of(report, "dv").verdict, Verdict::wrong);
  EXPECT_THAT(findings_of(report, "dv"), HasSubstr("errors lean one way"));
}

TEST(VerifyMemory, a_repeated_index_is_blamed_on_its_own_level) {
  const Problem<double> problem = ragged_problem();
  for (const int level : {1, 2}) {
    Outcome<double> outcome = compute(problem, {});
    auto row = outcome.selection.level(level).row(0, 3);
    row[1] = row[0];
    const VerifyReport report = verify_outcome(problem, outcome);
    const std::string blamed = level == 1 ? "indices_1" : "indices_2", other = level == 1 ? "indices_2" : "indices_1";
    EXPECT_EQ(verdict_of(report, blamed).verdict, Verdict::wrong);
    EXPECT_THAT(findings_of(report, blamed), HasSubstr("is listed twice"));
    if (level == 1) {
      EXPECT_EQ(verdict_of(report, other).verdict, Verdict::right) << findings_of(report, other);
    }
    EXPECT_THAT(findings_of(report, other), ::testing::Not(HasSubstr("listed twice")));
  }
}

}  // namespace
}  // namespace llsa::compare::verify

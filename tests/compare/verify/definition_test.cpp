// The evaluator of definitions: the specification's own equals the oracle, and every alternative differs somewhere.
#include "compare/verify/definition.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "compare/problem_cases.hpp"
#include "compare/verify/gradient_parts.hpp"
#include "planted.hpp"
#include "reference/attention.hpp"

namespace llsa::compare::verify {
namespace {

BatteryCase any_case() {
  BatteryCase spec;
  spec.options.block_size = *rc::gen::inRange<std::int64_t>(2, 6);
  spec.options.levels = *rc::gen::inRange(0, 4);
  spec.options.top_k = {*rc::gen::inRange<std::int64_t>(1, 5)};
  spec.options.enrichment_levels = *rc::gen::inRange(0, *spec.options.levels + 1);
  spec.options.reweight = *rc::gen::arbitrary<bool>();
  spec.options.coverage = *rc::gen::element(Coverage::overlapping, Coverage::disjoint);
  spec.query = {1, 2, *rc::gen::inRange<std::int64_t>(1, 80), 3};
  spec.key = {1, 2, *rc::gen::inRange<std::int64_t>(1, 80), 3};
  spec.value_dim = 2;
  spec.content = *rc::gen::element(Content::normal, Content::equal_scores, Content::repeated_keys, Content::hot_key);
  spec.seed = *rc::gen::arbitrary<std::uint32_t>();
  return spec;
}

RC_GTEST_PROP(DefinitionEvaluator, the_specification_equals_the_oracle, ()) {
  const Problem<double> p = make_problem(any_case());
  const ResolvedOptions o = p.resolved();
  const Outcome<double> oracle = compute(p, {});
  DefinitionEvaluator evaluator(p, o.levels);
  const Definition right = specification(o);
  for (std::int64_t head = 0; head < 2; ++head)
    for (std::int64_t i = 0; i < o.query.tokens(); ++i) {
      const DefinedRow row = evaluator.row(right, head, i);
      RC_ASSERT(std::abs(row.lse - oracle.lse.view().head(head)(i, 0)) < 1e-9);
      for (std::int64_t d = 0; d < 2; ++d)
        RC_ASSERT(std::abs(row.output[static_cast<std::size_t>(d)] - oracle.output.view().head(head)(i, d)) < 1e-9);
      const auto lists = evaluator.lists(right, head, i);
      for (int l = 1; l <= o.levels; ++l) {
        const auto list = oracle.selection.list(l, head, o.query.ancestor(l, i));
        RC_ASSERT(lists[static_cast<std::size_t>(l)] == std::vector<std::int32_t>(list.begin(), list.end()));
      }
    }
}

RC_GTEST_PROP(DefinitionEvaluator, gradients_of_the_specification_equal_the_oracle, ()) {
  const Problem<double> p = make_problem(any_case());
  const Outcome<double> oracle = compute(p, {});
  DefinitionEvaluator evaluator(p, p.resolved().levels);
  const HeadGradients g = definition_gradients(evaluator, specification(p.resolved()), 1, nullptr);
  const auto near = [&](const Tensor<double>& got, const Tensor<double>& want) {
    for (std::int64_t t = 0; t < got.shape().tokens; ++t)
      for (std::int64_t d = 0; d < got.shape().dim; ++d)
        if (!(std::abs(got(0, 0, t, d) - want(0, 1, t, d)) < 1e-7 * (1 + std::abs(want(0, 1, t, d))))) return false;
    return true;
  };
  RC_ASSERT(near(g.query, oracle.query_gradient));
  RC_ASSERT(near(g.key, oracle.key_gradient));
  RC_ASSERT(near(g.value, oracle.value_gradient));
}

RC_GTEST_PROP(GradientParts, sum_to_the_gradient, ()) {
  const Problem<double> p = make_problem(any_case());
  ThreadPool threads(1);
  reference::ReferenceAttention<double> attention(threads);
  const Outcome<double> outcome = run_attention<double>(attention, p);
  const auto sums_to = [](const std::vector<Part>& parts, std::span<const double> whole) {
    for (std::size_t n = 0; n < whole.size(); ++n) {
      double sum = 0;
      for (const Part& part : parts) sum += part.values[n];
      if (!(std::abs(sum - whole[n]) < 1e-8 * (1 + std::abs(whole[n])))) return false;
    }
    return true;
  };
  for (const bool by_term : {false, true}) {
    const KeyValueParts parts = key_value_parts(p, outcome, by_term, threads);
    RC_ASSERT(sums_to(parts.key, outcome.key_gradient.flat()));
    RC_ASSERT(sums_to(parts.value, outcome.value_gradient.flat()));
  }
  DefinitionEvaluator evaluator(p, outcome.options.levels);
  std::vector<RowRef> rows;
  for (std::int64_t i = 0; i < p.query.shape().tokens; ++i) rows.push_back({0, i});
  const auto query = query_parts(evaluator, specification(outcome.options), rows, &outcome.selection);
  RC_ASSERT(sums_to(query, outcome.query_gradient.flat().first(rows.size() * 3)));
}

TEST(AlternativeDefinitions, each_differs_from_the_specification_and_from_the_others) {
  // Sums, tails, ties and three unequal levels: every alternative has something to differ by.
  const Problem<double> p = ragged_problem([](BatteryCase& c) {
    c.options = {.block_size = 4, .levels = 3, .top_k = {4, 3, 2}};
    c.query.tokens = c.key.tokens = 331;
    c.content = Content::repeated_keys;
  });
  const ResolvedOptions o = p.resolved();
  DefinitionEvaluator evaluator(p, o.levels + 1);
  const auto rows = [&](const Definition& definition) {
    std::vector<double> values;
    for (std::int64_t i = 0; i < 331; i += 2) {
      const DefinedRow row = evaluator.row(definition, 0, i);
      values.push_back(row.lse);
      values.insert(values.end(), row.output.begin(), row.output.end());
    }
    return values;
  };
  const auto near = [](const std::vector<double>& a, const std::vector<double>& b) {
    for (std::size_t n = 0; n < a.size(); ++n)
      if (!(std::abs(a[n] - b[n]) < 1e-9)) return false;
    return true;
  };
  std::vector<std::pair<std::string, std::vector<double>>> seen{{"the specification", rows(specification(o))}};
  const auto definitions = alternative_definitions(o, 8);
  EXPECT_GE(definitions.size(), 35u);
  for (const Definition& definition : definitions) {
    EXPECT_FALSE(definition.name.empty());
    if (definition.last_writer_wins) continue;  // differs in gradients alone: VerifyMemory names it by them
    std::vector<double> values = rows(definition);
    for (const auto& [name, other] : seen) EXPECT_FALSE(near(values, other)) << definition.name << " equals " << name;
    seen.emplace_back(definition.name, std::move(values));
  }
}

TEST(DefinitionEvaluator, margin_is_the_smallest_gap_at_which_a_list_is_cut) {
  Problem<double> p = ragged_problem([](BatteryCase& c) { c.options = {.block_size = 4, .levels = 1, .top_k = {2}}; });
  for (std::int64_t t = 0; t < 203; ++t)
    for (std::int64_t d = 0; d < 8; ++d) {
      p.query(0, 0, t, d) = d == 0;
      p.key(0, 0, t, d) = d == 0 ? 1.0 / static_cast<double>(1 + t / 4) : 0;  // scores 1, 1/2, 1/3, ...
    }
  DefinitionEvaluator evaluator(p, 1);
  EXPECT_NEAR(evaluator.margin(specification(p.resolved()), 0, 50), 0.5 - 1.0 / 3, 1e-12);
  p.options.top_k = {51};
  DefinitionEvaluator all(p, 1);
  EXPECT_TRUE(std::isinf(all.margin(specification(p.resolved()), 0, 50)));
}

}  // namespace
}  // namespace llsa::compare::verify

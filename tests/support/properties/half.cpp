#include <algorithm>

#include "support/problem.hpp"
#include "support/properties/properties.hpp"

namespace llsa::testing {

template <class T>
Verdict errs_little_more_than_dense_attention(Attention<T>& attention, const Case& c) {
  ThreadPool threads(1);
  const Problem<T> problem(well_conditioned(c));
  const compare::Problem<double> exact = problem.exact();
  const auto dense = compare::dense_errors(attention, exact, true, threads);
  return matches_the_oracle(run_both(attention, problem), exact,
                            compare::derived_allowances(exact, dtype_of<T>(), dense));
}

namespace {

/// By the ruler's own floors: nothing cancels in the problems of these tests.
std::string complaint(const compare::Results& results, const compare::Results& expected,
                      const compare::Problem<double>& exact, const compare::Allowances& allowed) {
  return compare::explain(compare::compare_results(results, expected, compare::magnitudes_of(exact)), allowed);
}

Verdict is_seen(const std::string& what, const compare::Results& results, const compare::Results& expected,
                const compare::Problem<double>& exact, const compare::Allowances& allowed) {
  if (!complaint(results, expected, exact, allowed).empty()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << what << " is within what the type is allowed";
}

}  // namespace

template <class T>
Verdict lost_blocks_and_gradients_are_seen(Attention<T>& attention, const Case& c) {
  ThreadPool threads(1);
  const Problem<T> problem(c);
  const compare::Problem<double> exact = problem.exact();
  const auto allowed =
      compare::derived_allowances(exact, dtype_of<T>(), compare::dense_errors(attention, exact, true, threads));
  const AttentionRun<T> run = run_both(attention, problem);
  const compare::Results results = run.results(), expected = oracle_results(exact, run.selection());
  if (const std::string why = complaint(results, expected, exact, allowed); !why.empty())
    return ::testing::AssertionFailure() << why;

  Selection shorter = run.selection();
  LevelSelection& lists = shorter.level(1);
  for (std::int64_t head = 0; head < lists.heads; ++head)
    for (std::int64_t t = 0; t < lists.queries; ++t) {
      const auto row = lists.row(head, t);
      std::ranges::fill(row.last(row.size() / 5), -1);
    }
  const compare::Results dropped = run_both(attention, problem, &shorter).results();
  const std::vector<std::pair<const char*, compare::Results>> parts{{"o", {.output = dropped.output}},
                                                                    {"lse", {.lse = dropped.lse}},
                                                                    {"dq", {.query_gradient = dropped.query_gradient}},
                                                                    {"dk", {.key_gradient = dropped.key_gradient}},
                                                                    {"dv", {.value_gradient = dropped.value_gradient}}};
  for (const auto& [name, part] : parts)
    if (Verdict v = is_seen(std::string(name) + " of lists without their last fifth", part, expected, exact, allowed);
        !v)
      return v;

  const std::int64_t key = c.options.block_size * run.selection().list(1, 0, 0).front();
  compare::Results lost = results;
  for (std::int64_t d = 0; d < c.dim; ++d) lost.key_gradient(0, 0, key, d) = 0;
  if (Verdict v = is_seen("dK without the gradient of one key", lost, expected, exact, allowed); !v) return v;
  lost = results;
  for (std::int64_t d = 0; d < c.value_dim; ++d) lost.value_gradient(0, 0, key, d) = 0;
  return is_seen("dV without the gradient of one key", lost, expected, exact, allowed);
}

template Verdict lost_blocks_and_gradients_are_seen(Attention<half>&, const Case&);
template Verdict lost_blocks_and_gradients_are_seen(Attention<bfloat16>&, const Case&);
template Verdict errs_little_more_than_dense_attention(Attention<half>&, const Case&);
template Verdict errs_little_more_than_dense_attention(Attention<bfloat16>&, const Case&);

}  // namespace llsa::testing

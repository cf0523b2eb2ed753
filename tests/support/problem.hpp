#pragma once

#include <memory>

#include "compare/allowance.hpp"
#include "reference/naive.hpp"
#include "support/case.hpp"
#include "support/verdict.hpp"

namespace llsa::testing {

/// The inputs of a case, and gradients to feed back, in the layouts that it asks for.
template <class T>
struct StridedProblem {
  explicit StridedProblem(const Case& c);

  Case parameters;
  ResolvedOptions options;
  StridedTensor<T> query, key, value, output_gradient;
  StridedTensor<Accumulate<T>> lse_gradient;

  AttentionInputs<T> inputs() const { return {query.cview(), key.cview(), value.cview()}; }
  AttentionOutputGradients<T> output_gradients() const { return {output_gradient.cview(), lse_gradient.cview()}; }
  /// The same numbers as the ruler's problem: what the oracle gets, and what allowances are derived from.
  compare::Problem<double> exact() const;
};
template <class T>
using Problem = StridedProblem<T>;

/// One forward, and perhaps backward, pass into poisoned outputs.
template <class T>
struct AttentionRun {
  StridedTensor<T> output;
  StridedTensor<Accumulate<T>> lse;
  std::unique_ptr<AttentionState> state;
  StridedTensor<T> query_gradient, key_gradient, value_gradient;

  AttentionOutputs<T> outputs() { return {output.view(), lse.view()}; }
  AttentionGradients<T> gradients() { return {query_gradient.view(), key_gradient.view(), value_gradient.view()}; }
  const Selection& selection() const { return state->selection(); }
  /// In double; without gradients when the run has none.
  compare::Results results() const;
  Tensor<double> exact_output() const { return compare::in_double(output.cview()); }
  Tensor<double> exact_lse() const { return compare::in_double(lse.cview()); }
  bool gaps_are_untouched() const {
    return output.gaps_are_untouched() && lse.gaps_are_untouched() && query_gradient.gaps_are_untouched() &&
           key_gradient.gaps_are_untouched() && value_gradient.gaps_are_untouched();
  }
};

template <class T>
AttentionRun<T> run_forward(Attention<T>& attention, const StridedProblem<T>& problem,
                            const Selection* given = nullptr);
template <class T>
AttentionRun<T> run_both(Attention<T>& attention, const StridedProblem<T>& problem, const Selection* given = nullptr);

/// What the strict column of the ruler's table allows T, float or double, on this problem.
template <class T>
compare::Allowances strict_allowances(const compare::Problem<double>& exact) {
  static_assert(sizeof(T) >= sizeof(float), "what half types may err by is derived case by case");
  return compare::table_allowances(exact, dtype_of<T>(), compare::Strictness::tests);
}

/// What the oracle computes on a given selection; gradients where the problem has an output gradient.
compare::Results oracle_results(const compare::Problem<double>& exact, const Selection& selection);

/// The results that both sides have are within what is allowed.
Verdict results_close(const compare::Results& actual, const compare::Results& expected,
                      const compare::Problem<double>& exact, const compare::Allowances& allowed);

/// Outputs, and gradients when the run has them, against the oracle on the run's own selection. Without `allowed`: what
/// the strict column allows.
template <class T>
Verdict matches_the_oracle(const AttentionRun<T>& run, const compare::Problem<double>& exact,
                           const compare::Allowances& allowed);
template <class T>
Verdict matches_the_oracle(const AttentionRun<T>& run, const compare::Problem<double>& exact) {
  return matches_the_oracle(run, exact, strict_allowances<T>(exact));
}

}  // namespace llsa::testing

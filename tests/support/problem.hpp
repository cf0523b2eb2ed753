#pragma once

#include <memory>

#include "llsa/attention.hpp"
#include "reference/naive.hpp"
#include "support/approx.hpp"
#include "support/case.hpp"

namespace llsa::testing {

/// The inputs of a case, and gradients to feed back, with the same numbers in double for the oracle.
template <class T>
struct Problem {
  explicit Problem(const Case& c);

  Case parameters;
  ResolvedOptions options;
  StridedTensor<T> query, key, value, output_gradient;
  StridedTensor<Accumulate<T>> lse_gradient;

  AttentionInputs<T> inputs() const { return {query.cview(), key.cview(), value.cview()}; }
  AttentionOutputGradients<T> output_gradients() const { return {output_gradient.cview(), lse_gradient.cview()}; }
};

/// A problem's inputs in double. The views point into the object.
struct ExactInputs {
  template <class T>
  explicit ExactInputs(const Problem<T>& p)
      : query(converted<double>(p.query.cview())),
        key(converted<double>(p.key.cview())),
        value(converted<double>(p.value.cview())),
        output_gradient(converted<double>(p.output_gradient.cview())),
        lse_gradient(converted<double>(p.lse_gradient.cview())) {}
  Tensor<double> query, key, value, output_gradient, lse_gradient;

  AttentionInputs<double> inputs() const { return {query.cview(), key.cview(), value.cview()}; }
  AttentionOutputGradients<double> output_gradients() const { return {output_gradient.cview(), lse_gradient.cview()}; }
};

/// How large the terms are that each result is summed from; errors are judged against these.
struct Magnitudes {
  /// From the finite elements of the inputs. `score` bounds |scale <q, k>|.
  explicit Magnitudes(const ExactInputs& exact, const ResolvedOptions& options);
  double score, output, lse, query_gradient, key_gradient, value_gradient;
  double condition() const { return 1 + score; }
};

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
  Tensor<double> exact_output() const { return converted<double>(output.cview()); }
  Tensor<double> exact_lse() const { return converted<double>(lse.cview()); }
  bool gaps_are_untouched() const {
    return output.gaps_are_untouched() && lse.gaps_are_untouched() && query_gradient.gaps_are_untouched() &&
           key_gradient.gaps_are_untouched() && value_gradient.gaps_are_untouched();
  }
};

template <class T>
AttentionRun<T> run_forward(Attention<T>& attention, const Problem<T>& problem, const Selection* given = nullptr);
template <class T>
AttentionRun<T> run_both(Attention<T>& attention, const Problem<T>& problem, const Selection* given = nullptr);

/// Outputs (and gradients, when the run has them) against the oracle on the run's own selection.
template <class T>
Verdict outputs_match(AttentionRun<T>& run, const ExactInputs& exact, const ResolvedOptions& options);
template <class T>
Verdict gradients_match(AttentionRun<T>& run, const ExactInputs& exact, const ResolvedOptions& options,
                        bool with_lse = true);
/// Gradients against given ones.
template <class T>
Verdict gradients_close(AttentionRun<T>& run, const reference::NaiveGradients& expected, const Magnitudes& magnitudes);

}  // namespace llsa::testing

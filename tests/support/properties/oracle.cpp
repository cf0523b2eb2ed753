#include "support/problem.hpp"
#include "support/properties/properties.hpp"
#include "support/selections.hpp"

namespace llsa::testing {
namespace {

template <class T>
Verdict matches(Attention<T>& attention, const Case& c) {
  const Problem<T> problem(c);
  return matches_the_oracle(run_both(attention, problem), problem.exact());
}

template <class T>
Verdict uses_the_given_selection(Attention<T>& attention, const Case& c) {
  const Problem<T> problem(c);
  const Selection given = random_selection(problem.options, c.batch * c.heads, c.seed + 1);
  AttentionRun<T> run = run_both(attention, problem, &given);
  if (Verdict v = same("selection", run.selection(), given); !v) return v;
  return matches_the_oracle(run, problem.exact());
}

template <class T>
Verdict takes_a_missing_lse_gradient_for_zero(Attention<T>& attention, const Case& c) {
  Problem<T> problem(c);
  AttentionRun<T> run = run_forward(attention, problem);
  run.query_gradient = StridedTensor<T>(c.query_shape(), c.output_layout);
  run.key_gradient = StridedTensor<T>(c.key_shape(), c.output_layout);
  run.value_gradient = StridedTensor<T>(c.value_shape(), c.output_layout);
  AttentionOutputGradients<T> output_gradients = problem.output_gradients();
  output_gradients.lse = {};
  attention.backward(problem.inputs(), run.outputs(), *run.state, output_gradients, run.gradients());
  compare::Problem<double> exact = problem.exact();
  exact.lse_gradient = {};
  return matches_the_oracle(run, exact);
}

}  // namespace

template <class T>
std::vector<Property<T>> oracle_properties() {
  return {{"outputs_and_gradients_equal_the_formulas", matches<T>},
          {"a_given_selection_is_used_as_it_is", uses_the_given_selection<T>},
          {"a_missing_lse_gradient_means_zero", takes_a_missing_lse_gradient_for_zero<T>}};
}

template std::vector<Property<float>> oracle_properties();
template std::vector<Property<double>> oracle_properties();

}  // namespace llsa::testing

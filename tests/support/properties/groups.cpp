// Query heads that share key heads, spec section 9.
#include "support/problem.hpp"
#include "support/properties/properties.hpp"

namespace llsa::testing {
namespace {

/// Two or three query heads for every key head that the case had.
Case grouped(Case c) {
  c.group = 2 + static_cast<std::int64_t>(c.seed % 2);
  c.heads *= c.group;
  return c;
}

/// A tensor of the key heads written out once for every query head.
template <class T>
Tensor<T> repeated(TensorView<const T> heads, std::int64_t group) {
  Shape shape = heads.shape;
  shape.heads *= group;
  Tensor<T> result(shape);
  for_each_index(shape, [&](auto b, auto h, auto t, auto d) { result(b, h, t, d) = heads(b, h / group, t, d); });
  return result;
}

/// The sums over the query heads of each key head, ascending.
Tensor<double> summed(const Tensor<double>& heads, std::int64_t group) {
  Shape shape = heads.shape();
  shape.heads /= group;
  Tensor<double> result(shape);
  for_each_index(heads.shape(),
                 [&](auto b, auto h, auto t, auto d) { result(b, h / group, t, d) += heads(b, h, t, d); });
  return result;
}

/// The bits of O, LSE, the lists and dQ; dK and dV up to rounding, because their sums may be cut elsewhere.
template <class T>
Verdict equals_repeated_keys(Attention<T>& attention, const Case& original) {
  const Case c = grouped(original);
  const Problem<T> problem(c);
  const AttentionRun<T> shared = run_both(attention, problem);
  const Tensor<T> key = repeated(problem.key.cview(), c.group), value = repeated(problem.value.cview(), c.group);
  const AttentionInputs<T> inputs{problem.query.cview(), key.cview(), value.cview()};
  Tensor<T> output(c.output_shape()), query_gradient(c.query_shape()), key_gradient(key.shape()),
      value_gradient(value.shape());
  Tensor<Accumulate<T>> lse(c.lse_shape());
  const AttentionOutputs<T> outputs{output.view(), lse.view()};
  const auto state = attention.forward(inputs, c.options, outputs);
  attention.backward(inputs, outputs, *state, problem.output_gradients(),
                     {query_gradient.view(), key_gradient.view(), value_gradient.view()});
  if (!shared.gaps_are_untouched()) return ::testing::AssertionFailure() << "a gap between elements was written";
  if (Verdict v = same("selection", shared.selection(), state->selection()); !v) return v;
  if (Verdict v = same("lse", shared.lse.cview(), lse.cview()); !v) return v;
  if (Verdict v = same("output", shared.output.cview(), output.cview()); !v) return v;
  if (Verdict v = same("dQ", shared.query_gradient.cview(), query_gradient.cview()); !v) return v;
  const compare::Problem<double> exact = problem.exact();
  const auto sums = [&](const Tensor<T>& gradient) { return summed(compare::in_double(gradient.cview()), c.group); };
  return results_close({.key_gradient = compare::in_double(shared.key_gradient.cview()),
                        .value_gradient = compare::in_double(shared.value_gradient.cview())},
                       {.key_gradient = sums(key_gradient), .value_gradient = sums(value_gradient)}, exact,
                       strict_allowances<T>(exact));
}

template <class T>
Verdict equals_the_formulas(Attention<T>& attention, const Case& original) {
  const Problem<T> problem(grouped(original));
  return matches_the_oracle(run_both(attention, problem), problem.exact());
}

template <class T>
Verdict gives_the_same_bits_twice(Attention<T>& attention, const Case& original) {
  return same_results(attention, attention, grouped(original));
}

}  // namespace

template <class T>
std::vector<Property<T>> group_properties() {
  return {{"shared_key_heads_equal_key_heads_written_out_for_every_query_head", equals_repeated_keys<T>},
          {"outputs_and_gradients_of_shared_key_heads_equal_the_formulas", equals_the_formulas<T>},
          {"a_second_run_with_shared_key_heads_gives_the_same_bits", gives_the_same_bits_twice<T>}};
}

template std::vector<Property<float>> group_properties();
template std::vector<Property<double>> group_properties();

}  // namespace llsa::testing

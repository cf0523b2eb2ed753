#include "support/problem.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace llsa::testing {
namespace {

/// Calls `number(token, dim)` for every element, in index order, and stores it times `magnitude`.
template <class T, class Number>
void fill(StridedTensor<T>& tensor, double magnitude, Number&& number) {
  const TensorView<T> view = tensor.view();
  for_each_index(view.shape, [&](auto b, auto h, auto t, auto d) {
    view(b, h, t, d) = static_cast<T>(static_cast<Accumulate<T>>(magnitude * number(b * view.shape.heads + h, t, d)));
  });
}

template <class T>
void fill(StridedTensor<T>& tensor, const Case& c, std::mt19937_64& random, bool is_key = false) {
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int> small(-2, 2);
  const auto hot = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(tensor.view().shape.tokens));
  const std::uint64_t salt = random();
  fill(tensor, c.magnitude, [&](std::int64_t head, std::int64_t t, std::int64_t d) -> double {
    switch (c.values) {
      case Values::normal:
        return normal(random);
      case Values::integers:
        return small(random);
      case Values::constant: {
        std::mt19937_64 of_element(salt + static_cast<std::uint64_t>(head * 1000 + d));
        return static_cast<double>(of_element() % 5) - 2;
      }
      case Values::hot_key:
        return normal(random) * (is_key && t == hot ? 8 : 1);
    }
    return 0;
  });
}

}  // namespace

template <class T>
StridedProblem<T>::StridedProblem(const Case& c)
    : parameters(c),
      options(c.resolved()),
      query(c.query_shape(), c.query_layout),
      key(c.key_shape(), c.key_layout),
      value(c.value_shape(), c.value_layout),
      output_gradient(c.output_shape(), c.output_layout),
      lse_gradient(c.lse_shape(), c.output_layout) {
  std::mt19937_64 random(c.seed);
  std::normal_distribution<double> normal;
  const auto draw = [&](auto...) { return normal(random); };
  fill(query, c, random);
  fill(key, c, random, true);
  fill(value, c, random);
  fill(output_gradient, 1.0, draw);
  fill(lse_gradient, 1.0, draw);
}

template <class T>
compare::Problem<double> StridedProblem<T>::exact() const {
  return {compare::in_double(query.cview()),        compare::in_double(key.cview()),
          compare::in_double(value.cview()),        compare::in_double(output_gradient.cview()),
          compare::in_double(lse_gradient.cview()), parameters.options};
}

template <class T>
compare::Results AttentionRun<T>::results() const {
  return {compare::in_double(output.cview()), compare::in_double(lse.cview()),
          compare::in_double(query_gradient.cview()), compare::in_double(key_gradient.cview()),
          compare::in_double(value_gradient.cview())};
}

template <class T>
AttentionRun<T> run_forward(Attention<T>& attention, const StridedProblem<T>& problem, const Selection* given) {
  const Case& c = problem.parameters;
  AttentionRun<T> run;
  run.output = StridedTensor<T>(c.output_shape(), c.output_layout);
  run.lse = StridedTensor<Accumulate<T>>(c.lse_shape(), c.output_layout);
  run.state = attention.forward(problem.inputs(), c.options, run.outputs(), given);
  return run;
}

template <class T>
AttentionRun<T> run_both(Attention<T>& attention, const StridedProblem<T>& problem, const Selection* given) {
  const Case& c = problem.parameters;
  AttentionRun<T> run = run_forward(attention, problem, given);
  run.query_gradient = StridedTensor<T>(c.query_shape(), c.output_layout);
  run.key_gradient = StridedTensor<T>(c.key_shape(), c.output_layout);
  run.value_gradient = StridedTensor<T>(c.value_shape(), c.output_layout);
  attention.backward(problem.inputs(), run.outputs(), *run.state, problem.output_gradients(), run.gradients());
  return run;
}

compare::Results oracle_results(const compare::Problem<double>& exact, const Selection& selection) {
  const ResolvedOptions options = exact.resolved();
  reference::NaiveOutputs outputs = reference::naive_forward(exact.inputs(), selection, options);
  compare::Results results{std::move(outputs.output), std::move(outputs.lse), {}, {}, {}};
  if (!exact.has_gradient()) return results;
  reference::NaiveGradients gradients =
      reference::naive_backward(exact.inputs(), selection, options, exact.output_gradients());
  results.query_gradient = std::move(gradients.query);
  results.key_gradient = std::move(gradients.key);
  results.value_gradient = std::move(gradients.value);
  return results;
}

Verdict results_close(const compare::Results& actual, const compare::Results& expected,
                      const compare::Problem<double>& exact, const compare::Allowances& allowed) {
  // The ruler's floors lie well below a gradient's terms. Where those cancel, a sum is as exact as its terms and no
  // more: as many as queries come to a key. With a single key they cancel wholly, and nothing but rounding is left.
  compare::Magnitudes sizes = compare::magnitudes_of(exact);
  const auto keys = static_cast<double>(exact.key.shape().tokens);
  const double cancelled = keys <= 2 ? 1e4 : 30;
  sizes.query_gradient *= cancelled;
  if (keys <= 2) sizes.value_gradient *= 100;  // one sum over all queries, of either sign
  sizes.key_gradient *= cancelled * std::sqrt(std::max(static_cast<double>(exact.query.shape().tokens) / keys, 1.0));
  const auto errors = compare::compare_results(actual, expected, sizes);
  const std::string why = compare::explain(errors, allowed);
  return why.empty() ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << why;
}

template <class T>
Verdict matches_the_oracle(const AttentionRun<T>& run, const compare::Problem<double>& exact,
                           const compare::Allowances& allowed) {
  if (!run.gaps_are_untouched()) return ::testing::AssertionFailure() << "something outside a result was written";
  return results_close(run.results(), oracle_results(exact, run.selection()), exact, allowed);
}

#define LLSA_INSTANTIATE(T)                                                                        \
  template struct StridedProblem<T>;                                                               \
  template struct AttentionRun<T>;                                                                 \
  template AttentionRun<T> run_forward(Attention<T>&, const StridedProblem<T>&, const Selection*); \
  template AttentionRun<T> run_both(Attention<T>&, const StridedProblem<T>&, const Selection*);    \
  template Verdict matches_the_oracle(const AttentionRun<T>&, const compare::Problem<double>&,     \
                                      const compare::Allowances&);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa::testing

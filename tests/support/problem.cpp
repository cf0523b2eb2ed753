#include "support/problem.hpp"

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

double largest(const Tensor<double>& x) {
  double most = 0;
  for (const double e : x.flat())
    if (std::isfinite(e)) most = std::max(most, std::abs(e));
  return most;
}

/// The largest Euclidean length of a token's vector.
double longest(const Tensor<double>& x) {
  double most = 0;
  const std::int64_t dim = x.shape().dim;
  for (std::int64_t t = 0; t < x.shape().size() / dim; ++t) {
    double sum = 0;
    for (std::int64_t d = 0; d < dim; ++d) {
      const double e = x.data()[t * dim + d];
      if (std::isfinite(e)) sum += e * e;
    }
    most = std::max(most, std::sqrt(sum));
  }
  return most;
}

}  // namespace

template <class T>
Problem<T>::Problem(const Case& c)
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

Magnitudes::Magnitudes(const ExactInputs& exact, const ResolvedOptions& options) {
  const double scale = std::abs(options.scale);
  const double from_score = 2 * longest(exact.output_gradient) * longest(exact.value) + largest(exact.lse_gradient);
  const double queries = std::sqrt(static_cast<double>(exact.query.shape().tokens));
  score = scale * longest(exact.query) * longest(exact.key);
  output = largest(exact.value);
  lse = 1 + std::log(static_cast<double>(exact.key.shape().tokens));
  query_gradient = scale * from_score * largest(exact.key);
  key_gradient = scale * from_score * largest(exact.query) * queries;
  value_gradient = largest(exact.output_gradient) * queries;
}

template <class T>
AttentionRun<T> run_forward(Attention<T>& attention, const Problem<T>& problem, const Selection* given) {
  const Case& c = problem.parameters;
  AttentionRun<T> run;
  run.output = StridedTensor<T>(c.output_shape(), c.output_layout);
  run.lse = StridedTensor<Accumulate<T>>(c.lse_shape(), c.output_layout);
  run.state = attention.forward(problem.inputs(), c.options, run.outputs(), given);
  return run;
}

template <class T>
AttentionRun<T> run_both(Attention<T>& attention, const Problem<T>& problem, const Selection* given) {
  const Case& c = problem.parameters;
  AttentionRun<T> run = run_forward(attention, problem, given);
  run.query_gradient = StridedTensor<T>(c.query_shape(), c.output_layout);
  run.key_gradient = StridedTensor<T>(c.key_shape(), c.output_layout);
  run.value_gradient = StridedTensor<T>(c.value_shape(), c.output_layout);
  attention.backward(problem.inputs(), run.outputs(), *run.state, problem.output_gradients(), run.gradients());
  return run;
}

template <class T>
Verdict outputs_match(AttentionRun<T>& run, const ExactInputs& exact, const ResolvedOptions& options) {
  const Tolerance tolerance = tolerance_of(dtype_of<T>());
  const Magnitudes magnitudes(exact, options);
  const auto expected = reference::naive_forward(exact.inputs(), run.selection(), options);
  if (!run.gaps_are_untouched()) return ::testing::AssertionFailure() << "something outside an output was written";
  Verdict verdict = close("lse", run.exact_lse(), expected.lse, tolerance.lse * magnitudes.condition(), magnitudes.lse);
  if (!verdict) return verdict;
  return close("output", run.exact_output(), expected.output, tolerance.output * magnitudes.condition(),
               magnitudes.output);
}

template <class T>
Verdict gradients_close(AttentionRun<T>& run, const reference::NaiveGradients& expected, const Magnitudes& magnitudes) {
  const double tolerance = tolerance_of(dtype_of<T>()).gradient * magnitudes.condition();
  if (!run.gaps_are_untouched()) return ::testing::AssertionFailure() << "something outside a gradient was written";
  Verdict verdict =
      close("dV", converted<double>(run.value_gradient.cview()), expected.value, tolerance, magnitudes.value_gradient);
  if (!verdict) return verdict;
  verdict =
      close("dQ", converted<double>(run.query_gradient.cview()), expected.query, tolerance, magnitudes.query_gradient);
  if (!verdict) return verdict;
  return close("dK", converted<double>(run.key_gradient.cview()), expected.key, tolerance, magnitudes.key_gradient);
}

template <class T>
Verdict gradients_match(AttentionRun<T>& run, const ExactInputs& exact, const ResolvedOptions& options, bool with_lse) {
  AttentionOutputGradients<double> output_gradients = exact.output_gradients();
  if (!with_lse) output_gradients.lse = {};
  const auto expected = reference::naive_backward(exact.inputs(), run.selection(), options, output_gradients);
  return gradients_close(run, expected, Magnitudes(exact, options));
}

#define LLSA_INSTANTIATE(T)                                                                                \
  template struct Problem<T>;                                                                              \
  template AttentionRun<T> run_forward(Attention<T>&, const Problem<T>&, const Selection*);                \
  template AttentionRun<T> run_both(Attention<T>&, const Problem<T>&, const Selection*);                   \
  template Verdict outputs_match(AttentionRun<T>&, const ExactInputs&, const ResolvedOptions&);            \
  template Verdict gradients_close(AttentionRun<T>&, const reference::NaiveGradients&, const Magnitudes&); \
  template Verdict gradients_match(AttentionRun<T>&, const ExactInputs&, const ResolvedOptions&, bool);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa::testing

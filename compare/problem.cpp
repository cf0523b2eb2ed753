#include "compare/problem.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compare/comparator.hpp"
#include "llsa/error.hpp"

namespace llsa::compare {
namespace {

/// Root mean square and the largest row norm, over finite elements and rows.
struct Size {
  double rms = 0, largest_row = 0;
};

Size size_of(const Tensor<double>& tensor) {
  const auto dim = static_cast<std::size_t>(tensor.shape().dim);
  double sum = 0;
  std::size_t rows = 0;
  Size size;
  for (std::size_t begin = 0; dim > 0 && begin < tensor.flat().size(); begin += dim) {
    double square = 0;
    for (const double x : tensor.flat().subspan(begin, dim)) square += x * x;
    if (!std::isfinite(square)) continue;
    ++rows;
    sum += square;
    size.largest_row = std::max(size.largest_row, std::sqrt(square));
  }
  if (rows > 0) size.rms = std::sqrt(sum / static_cast<double>(rows * dim));
  return size;
}

template <class T>
Tensor<T> poisoned(Shape shape) {
  return Tensor<T>(shape, static_cast<T>(std::numeric_limits<float>::quiet_NaN()));
}

}  // namespace

template <class T>
Tensor<T> converted(const Tensor<double>& tensor) {
  Tensor<T> result(tensor.shape());
  std::transform(tensor.flat().begin(), tensor.flat().end(), result.data(), [](double x) { return static_cast<T>(x); });
  return result;
}

template <class T>
Problem<T> converted(const Problem<double>& p) {
  Problem<T> result{converted<T>(p.query),
                    converted<T>(p.key),
                    converted<T>(p.value),
                    converted<T>(p.output_gradient),
                    converted<Accumulate<T>>(p.lse_gradient),
                    p.options};
  for (const NamedExtra<double>& extra : p.extras) result.extras.push_back({extra.name, converted<T>(extra.tensor)});
  return result;
}

template <class T>
Problem<double> as_stored(const Problem<double>& p) {
  const auto back = []<class U>(const Tensor<U>& tensor) { return in_double<U>(tensor.view()); };
  const Problem<T> r = converted<T>(p);
  Problem<double> result{back(r.query),           back(r.key),          back(r.value),
                         back(r.output_gradient), back(r.lse_gradient), p.options};
  for (const NamedExtra<T>& extra : r.extras) result.extras.push_back({extra.name, back(extra.tensor)});
  return result;
}

template <class T>
Outcome<T> run_attention(Attention<T>& attention, const Problem<T>& problem, const Selection* given) {
  const AttentionInputs<T> inputs = problem.inputs();
  const Shape q = problem.query.shape();
  Outcome<T> outcome;
  outcome.options = problem.resolved();
  outcome.output = poisoned<T>({q.batch, q.heads, q.tokens, problem.value.shape().dim});
  outcome.lse = poisoned<Accumulate<T>>({q.batch, q.heads, q.tokens, 1});
  const AttentionOutputs<T> outputs{outcome.output.view(), outcome.lse.view()};
  const auto state = attention.forward(inputs, problem.options, outputs, given);
  outcome.selection = state->selection();
  if (problem.has_gradient()) {
    outcome.query_gradient = poisoned<T>(q);
    outcome.key_gradient = poisoned<T>(problem.key.shape());
    outcome.value_gradient = poisoned<T>(problem.value.shape());
    AttentionGradients<T> gradients{outcome.query_gradient.view(), outcome.key_gradient.view(),
                                    outcome.value_gradient.view()};
    const std::vector<ExtraInput> extras = attention.extra_inputs(q, problem.value.shape());
    outcome.extra_gradients.reserve(problem.extras.size());  // views stay valid
    for (const NamedExtra<T>& extra : problem.extras) {
      const auto wanted =
          std::find_if(extras.begin(), extras.end(), [&](const auto& e) { return e.name == extra.name; });
      if (wanted == extras.end()) throw Error("the method has no further input '" + extra.name + "'");
      outcome.extra_gradients.push_back({extra.name, poisoned<T>(wanted->shape)});
      gradients.extras.push_back({extra.name, outcome.extra_gradients.back().tensor.view()});
    }
    attention.backward(inputs, outputs, *state, problem.output_gradients(), gradients);
  }
  return outcome;
}

double largest_row(const Tensor<double>& tensor) { return size_of(tensor).largest_row; }

Magnitudes magnitudes_of(const Problem<double>& p) {
  const Size q = size_of(p.query), k = size_of(p.key), v = size_of(p.value);
  const Size output_gradient = size_of(p.output_gradient), lse_gradient = size_of(p.lse_gradient);
  const double scale = std::abs(p.resolved().scale);
  const double score_gradient =
      output_gradient.rms * v.rms * std::sqrt(static_cast<double>(p.value.shape().dim)) + lse_gradient.rms;
  // Below what a sum of a thousand independent terms comes to, well above the noise of any of them.
  constexpr double noise = 0.03;
  Magnitudes m;
  m.output = 0.01 * v.rms;
  m.query_gradient = noise * scale * score_gradient * k.rms;
  m.key_gradient = noise * scale * score_gradient * q.rms;
  m.value_gradient = 0.01 * output_gradient.rms;
  m.largest_score = scale * q.largest_row * k.largest_row;
  return m;
}

#define LLSA_INSTANTIATE(T)                                      \
  template Tensor<T> converted<T>(const Tensor<double>&);        \
  template Problem<T> converted<T>(const Problem<double>&);      \
  template Problem<double> as_stored<T>(const Problem<double>&); \
  template Outcome<T> run_attention(Attention<T>&, const Problem<T>&, const Selection*);
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
#undef LLSA_INSTANTIATE

}  // namespace llsa::compare

#include <cmath>
#include <limits>
#include <random>

#include "support/problem.hpp"
#include "support/properties/properties.hpp"

namespace llsa::testing {
namespace {

/// <dO, O> + <dLSE, LSE>, the loss whose gradient backward gives.
template <class T>
double loss(const Problem<T>& problem, const AttentionRun<T>& run) {
  double sum = 0;
  for_each_index(problem.parameters.output_shape(), [&](auto b, auto h, auto t, auto d) {
    sum += static_cast<double>(problem.output_gradient.cview()(b, h, t, d)) * run.output.cview()(b, h, t, d);
  });
  for_each_index(problem.parameters.lse_shape(), [&](auto b, auto h, auto t, auto d) {
    sum += static_cast<double>(problem.lse_gradient.cview()(b, h, t, d)) * run.lse.cview()(b, h, t, d);
  });
  return sum;
}

/// The derivative along random directions of Q, K and V, on a held selection. Only double is fine enough for
/// differences.
Verdict equal_central_differences(Attention<double>& attention, const Case& original) {
  Case c = original;
  c.query_layout = c.key_layout = c.value_layout = Layout::contiguous;
  c.magnitude = std::min(c.magnitude, 1.0);
  if (c.values == Values::hot_key) c.values = Values::normal;
  Problem<double> problem(c);
  AttentionRun<double> run = run_both(attention, problem);
  const compare::Magnitudes magnitudes = compare::magnitudes_of(problem.exact());
  std::mt19937_64 random(c.seed);
  std::normal_distribution<double> normal;
  struct Part {
    const char* name;
    StridedTensor<double>* input;
    const StridedTensor<double>* gradient;
    double magnitude;
  };
  const Part parts[] = {{"query", &problem.query, &run.query_gradient, magnitudes.query_gradient},
                        {"key", &problem.key, &run.key_gradient, magnitudes.key_gradient},
                        {"value", &problem.value, &run.value_gradient, magnitudes.value_gradient}};
  for (const auto& [name, input, gradient, magnitude] : parts) {
    const Shape shape = input->view().shape;
    Tensor<double> direction(shape), original_values = compare::in_double(input->cview());
    double expected = 0;
    for (double& e : direction.flat()) e = normal(random);
    for_each_index(shape, [&](auto b, auto h, auto t, auto d) {
      expected += gradient->cview()(b, h, t, d) * direction(b, h, t, d);
    });
    const double step = 1e-5;
    const auto loss_at = [&](double distance) {
      for_each_index(shape, [&](auto b, auto h, auto t, auto d) {
        input->view()(b, h, t, d) = original_values(b, h, t, d) + distance * direction(b, h, t, d);
      });
      return loss(problem, run_forward(attention, problem, &run.selection()));
    };
    const double slope = (loss_at(step) - loss_at(-step)) / (2 * step);
    loss_at(0);
    const double scale = magnitude * std::sqrt(static_cast<double>(shape.size()));
    if (!(std::abs(slope - expected) <= 1e-6 * std::abs(expected) + 1e-3 * scale))
      return ::testing::AssertionFailure() << "along a random direction of the " << name << " the loss changes by "
                                           << slope << ", the gradient says " << expected;
  }
  return ::testing::AssertionSuccess();
}

/// Adding one vector u to all keys changes LSE_i by scale <q_i, u> and O not at all: sum_j dK_j = scale sum_i dLSE_i
/// q_i.
template <class T>
Verdict key_gradients_sum_to_what_a_shift_does(Attention<T>& attention, const Case& c) {
  const Problem<T> problem(c);
  const AttentionRun<T> run = run_both(attention, problem);
  Tensor<double> sum({c.batch, c.heads, 1, c.dim}), expected({c.batch, c.heads, 1, c.dim});
  for_each_index(c.key_shape(), [&](auto b, auto h, auto t, auto d) {
    sum(b, h, 0, d) += static_cast<double>(run.key_gradient.cview()(b, h, t, d));
  });
  for_each_index(c.query_shape(), [&](auto b, auto h, auto t, auto d) {
    expected(b, h, 0, d) += problem.options.scale * static_cast<double>(problem.lse_gradient.cview()(b, h, t, 0)) *
                            static_cast<double>(problem.query.cview()(b, h, t, d));
  });
  const compare::Problem<double> exact = problem.exact();
  return close("sum of dK", sum, expected, times(4, strict_allowances<T>(exact).key_gradient),
               {.floor = compare::magnitudes_of(exact).key_gradient * static_cast<double>(c.query_tokens)});
}

/// The error against the oracle is no more than a few times that of dense attention by the same code, the same type, or
/// than rounding the scores costs: where one key outweighs all others dense attention has no error at all.
template <class T>
Verdict is_as_exact_as_dense_attention(Attention<T>& attention, const Case& original) {
  Case c = original;
  c.values = Values::normal;
  const auto error = [&](const Case& each) {
    const Problem<T> problem(each);
    const AttentionRun<T> run = run_forward(attention, problem);
    const compare::Problem<double> exact = problem.exact();
    const auto expected = reference::naive_forward(exact.inputs(), run.selection(), problem.options);
    const Tensor<double> output = run.exact_output();
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < expected.output.flat().size(); ++i) {
      const double e = expected.output.flat()[i];
      difference += std::pow(output.flat()[i] - e, 2);
      size += e * e;
    }
    return std::sqrt(difference / size);
  };
  Case dense = c;
  dense.options = Options{.levels = 0, .scale = c.options.scale};
  const double sparse_error = error(c), dense_error = error(dense);
  const Problem<T> problem(c);
  const double floor = 16 * static_cast<double>(std::numeric_limits<T>::epsilon()) *
                       (1 + compare::magnitudes_of(problem.exact()).largest_score);
  if (!(sparse_error <= 8 * dense_error + floor))
    return ::testing::AssertionFailure() << "relative error " << sparse_error << "; dense attention has "
                                         << dense_error;
  return ::testing::AssertionSuccess();
}

}  // namespace

template <class T>
std::vector<Property<T>> gradient_properties() {
  std::vector<Property<T>> properties = {
      {"key_gradients_sum_to_what_a_shift_of_all_keys_does", key_gradients_sum_to_what_a_shift_does<T>},
      {"errors_stay_near_those_of_dense_attention", is_as_exact_as_dense_attention<T>}};
  if constexpr (std::is_same_v<T, double>)
    properties.push_back({"gradients_equal_central_differences", equal_central_differences});
  return properties;
}

template std::vector<Property<float>> gradient_properties();
template std::vector<Property<double>> gradient_properties();

template <class T>
std::vector<Property<T>> attention_properties() {
  std::vector<Property<T>> all;
  for (const auto& topic :
       {oracle_properties<T>(), selection_properties<T>(), coverage_properties<T>(), invariance_properties<T>(),
        bitwise_properties<T>(), non_finite_properties<T>(), gradient_properties<T>(), group_properties<T>()})
    all.insert(all.end(), topic.begin(), topic.end());
  return all;
}

template std::vector<Property<float>> attention_properties();
template std::vector<Property<double>> attention_properties();

}  // namespace llsa::testing

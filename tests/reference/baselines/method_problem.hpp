#pragma once

#include <random>
#include <vector>

#include "backends/backends.hpp"
#include "support/check.hpp"
#include "support/problem.hpp"
#include "support/same_run.hpp"

namespace llsa::testing {

/// A case whose options are already a method's, so that the oracle sees what the method does.
inline Case with_method_options(Case c, std::string_view method) {
  c.options = method_options(method, c.options);
  return c;
}

/// A problem with a method's further inputs, all given, in layouts of their own.
template <class T>
struct MethodProblem {
  MethodProblem(const std::string& method_name, const Case& c)
      : method(method_name), problem(with_method_options(c, method_name)) {
    std::mt19937_64 random(c.seed + 17);
    std::normal_distribution<double> normal;
    for (const ExtraInput& extra : method_extras(method, c.query_shape(), c.value_shape())) {
      names.emplace_back(extra.name);
      extras.emplace_back(extra.shape, c.output_layout);
      for_each_index(extra.shape, [&](auto b, auto h, auto t, auto d) {
        extras.back().view()(b, h, t, d) = static_cast<T>(static_cast<Accumulate<T>>(0.5 * normal(random)));
      });
    }
  }
  AttentionInputs<T> inputs() const {
    AttentionInputs<T> all = problem.inputs();
    for (std::size_t i = 0; i < extras.size(); ++i) all.extras.push_back({names[i], extras[i].cview()});
    return all;
  }

  std::string method;
  Problem<T> problem;
  std::vector<std::string> names;
  std::vector<StridedTensor<T>> extras;
};

/// Forward and backward into poisoned outputs, gradients of the further inputs included.
template <class T>
struct MethodRun {
  MethodRun(Attention<T>& attention, const MethodProblem<T>& p, const Selection* given = nullptr) {
    const Case& c = p.problem.parameters;
    run.output = StridedTensor<T>(c.output_shape(), c.output_layout);
    run.lse = StridedTensor<Accumulate<T>>(c.lse_shape(), c.output_layout);
    run.query_gradient = StridedTensor<T>(c.query_shape(), c.output_layout);
    run.key_gradient = StridedTensor<T>(c.key_shape(), c.output_layout);
    run.value_gradient = StridedTensor<T>(c.value_shape(), c.output_layout);
    AttentionGradients<T> gradients = run.gradients();
    for (const auto& extra : p.extras) extra_gradients.emplace_back(extra.view().shape, c.output_layout);
    for (std::size_t i = 0; i < p.names.size(); ++i)
      gradients.extras.push_back({p.names[i], extra_gradients[i].view()});
    run.state = attention.forward(p.inputs(), c.options, run.outputs(), given);
    attention.backward(p.inputs(), run.outputs(), *run.state, p.problem.output_gradients(), gradients);
  }

  AttentionRun<T> run;
  std::vector<StridedTensor<T>> extra_gradients;
};

template <class T>
Verdict same_run(const MethodRun<T>& one, const MethodRun<T>& other) {
  if (Verdict v = same_run(one.run, other.run); !v) return v;
  for (std::size_t i = 0; i < one.extra_gradients.size(); ++i)
    if (Verdict v = same("extra gradient", one.extra_gradients[i].cview(), other.extra_gradients[i].cview()); !v)
      return v;
  return ::testing::AssertionSuccess();
}

}  // namespace llsa::testing

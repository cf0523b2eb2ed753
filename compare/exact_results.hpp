#pragma once

#include <vector>

#include "compare/problem.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::compare {

/// What is right, in double, on the selection that an outcome used. Gradients are empty when the problem has none.
struct ExactResults {
  std::vector<Tensor<double>> query_levels, key_levels;  ///< means, level l at `[l - 1]`
  Tensor<double> output, lse, query_gradient, key_gradient, value_gradient;
};

/// `small`: by the naive oracle, else by the reference in double.
ExactResults exact_results(const Problem<double>& problem, const ResolvedOptions& options, const Selection& selection,
                           bool small, ThreadPool& threads);

}  // namespace llsa::compare

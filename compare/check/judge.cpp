#include <fmt/core.h>

#include "compare/check/battery.hpp"
#include "compare/exact_results.hpp"

namespace llsa::compare::check {
template <class T>
BatteryLine judge_outcome(const std::string& name, const Problem<double>& problem, const Outcome<T>& outcome,
                          bool small, ThreadPool& threads) {
  const Magnitudes magnitudes = magnitudes_of(problem);
  BatteryLine line{.name = name, .oracle = small ? "naive" : "reference f64"};
  line.tolerance = widened(tolerance_of(dtype_of<T>()), magnitudes.largest_score, dtype_of<T>());
  // Means and scores that select are in the accumulation type, whatever is stored.
  line.tolerance.score_gap = tolerance_of(dtype_of<Accumulate<T>>()).score_gap;
  validate(outcome.selection, outcome.options, problem.head_count());
  const ExactResults oracle = exact_results(problem, outcome.options, outcome.selection, small, threads);
  line.selection = compare_selection(outcome.selection, oracle.query_levels, oracle.key_levels, outcome.options);
  if (!same_tokens(*line.selection, line.tolerance.score_gap) || !same_order(*line.selection, line.tolerance.score_gap))
    line.findings.push_back("selection: " + explain(*line.selection));
  const auto judge = [&]<class U>(const char* quantity, const Tensor<U>& got, const Tensor<double>& want,
                                  double floor) {
    if (want.flat().empty()) return;
    Comparison c = compare(
        in_double<U>(got.view()).view(), want.view(),
        {.storage = dtype_of<U>(), .floor = floor, .resolution = tolerance_of(dtype_of<T>()).resolution, .rows = {}});
    if (const std::string why = explain(c, line.tolerance); !why.empty())
      line.findings.push_back(fmt::format("{}: {}", quantity, why));
    c.row_errors.clear();
    line.values.emplace_back(quantity, std::move(c));
  };
  judge("o", outcome.output, oracle.output, magnitudes.output);
  judge("lse", outcome.lse, oracle.lse, magnitudes.lse);
  judge("dq", outcome.query_gradient, oracle.query_gradient, magnitudes.query_gradient);
  judge("dk", outcome.key_gradient, oracle.key_gradient, magnitudes.key_gradient);
  judge("dv", outcome.value_gradient, oracle.value_gradient, magnitudes.value_gradient);
  line.passed = line.findings.empty();
  return line;
}

#define LLSA_INSTANTIATE(T) \
  template BatteryLine judge_outcome(const std::string&, const Problem<double>&, const Outcome<T>&, bool, ThreadPool&);
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
#undef LLSA_INSTANTIATE

}  // namespace llsa::compare::check

// How exact a sparse result is beside dense attention by the same implementation in the same type.
#include <fmt/core.h>

#include <algorithm>

#include "compare/check/battery.hpp"
#include "compare/exact_results.hpp"
#include "compare/problem_cases.hpp"

namespace llsa::compare::check {
namespace {

struct Errors {
  double output, query, key, value;
};

/// Relative L2 errors; what is right is not rounded, so a right result in a half type has an error of its own.
template <class T>
Errors errors_of(Attention<T>& attention, const Problem<double>& problem, ThreadPool& threads) {
  const Outcome<T> got = run_attention<T>(attention, converted<T>(problem));
  const ExactResults want = exact_results(problem, got.options, got.selection, false, threads);
  const auto error = [](const Tensor<T>& x, const Tensor<double>& y) {
    const Comparison c = compare(in_double<T>(x.view()).view(), y.view());
    return c.nonfinite_differences > 0 ? std::numeric_limits<double>::infinity() : c.relative_l2;
  };
  return {error(got.output, want.output), error(got.query_gradient, want.query_gradient),
          error(got.key_gradient, want.key_gradient), error(got.value_gradient, want.value_gradient)};
}

}  // namespace

template <class T>
BatteryLine judge_beside_dense(Attention<T>& attention, const BatteryCase& spec, ThreadPool& threads) {
  Problem<double> problem = as_stored<T>(make_problem(spec, dtype_of<T>()));
  const Errors sparse = errors_of(attention, problem, threads);
  problem.options = {.levels = 0, .scale = problem.options.scale};
  const Errors dense = errors_of(attention, problem, threads);
  BatteryLine line{.name = spec.name, .oracle = "dense"};
  const auto judge = [&](const char* quantity, double error, double of_dense, double factor) {
    // Half a unit in the last place: less is luck.
    const double last = dtype_of<T>() == DType::f16 ? 0x1p-12 : dtype_of<T>() == DType::bf16 ? 0x1p-9 : 0x1p-24;
    if (!(error <= factor * std::max(of_dense, last)))
      line.findings.push_back(
          fmt::format("{}: relative L2 error {:.3g}, more than {} times that of dense attention, {:.3g}", quantity,
                      error, factor, of_dense));
  };
  judge("o", sparse.output, dense.output, 2);
  judge("dq", sparse.query, dense.query, 3);
  judge("dk", sparse.key, dense.key, 3);
  judge("dv", sparse.value, dense.value, 3);
  line.passed = line.findings.empty();
  return line;
}

template BatteryLine judge_beside_dense(Attention<half>&, const BatteryCase&, ThreadPool&);
template BatteryLine judge_beside_dense(Attention<bfloat16>&, const BatteryCase&, ThreadPool&);
template BatteryLine judge_beside_dense(Attention<float>&, const BatteryCase&, ThreadPool&);

}  // namespace llsa::compare::check

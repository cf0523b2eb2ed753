#include "compare/allowance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compare/exact_results.hpp"
#include "reference/naive.hpp"

namespace llsa::compare {
namespace {

/// The largest relative error of rounding to the type.
double half_place(DType storage) {
  switch (storage) {
    case DType::f64:
      return 0x1p-53;
    case DType::f32:
      return 0x1p-24;
    case DType::f16:
      return 0x1p-11;
    case DType::bf16:
      return 0x1p-8;
  }
  return 0;
}

/// By how much a score of coarse keys that are stored in a half type may be off: they are means, and rounded.
double coarse_score_error(const Problem<double>& p, DType storage) {
  const ResolvedOptions options = p.resolved();
  if (storage == DType::f64 || storage == DType::f32 || options.enrichment_levels == 0) return 0;
  double longest = 0;
  const auto levels = reference::naive_pool(p.key.view(), options.key);
  for (int l = 1; l <= options.enrichment_levels; ++l)
    longest = std::max(longest, largest_row(levels[static_cast<std::size_t>(l - 1)]));
  return half_place(storage) * std::abs(options.scale) * largest_row(p.query) * longest;
}

/// By how much scores summed in the accumulation type may be off.
double fine_score_error(const Magnitudes& magnitudes, DType storage) {
  return widened({}, magnitudes.largest_score, storage).relative_l2;
}

}  // namespace

Allowances table_allowances(const Problem<double>& problem, DType storage, Strictness strictness) {
  const Tolerance t = widened(tolerance_of(storage, strictness), magnitudes_of(problem).largest_score, storage);
  return {t, t, t, t, t};
}

Allowances derived_allowances(const Problem<double>& problem, DType storage, const PerResult<Comparison>& dense) {
  const double score = coarse_score_error(problem, storage) + fine_score_error(magnitudes_of(problem), storage);
  const double place = half_place(storage);
  const Tolerance table = tolerance_of(storage);
  const auto values = [&](const Comparison& of_dense, double factor) {
    Tolerance t{.score_gap = table.score_gap, .resolution = table.resolution};
    t.relative_l2 = factor * (std::max(of_dense.relative_l2, place / 2) + score);
    t.element = factor * (std::max(of_dense.max_error, 2 * place) + 2 * score);
    t.cosine = t.relative_l2 * t.relative_l2;
    return t;
  };
  Allowances allowed{values(dense.output, 2),
                     {},
                     values(dense.query_gradient, 3),
                     values(dense.key_gradient, 3),
                     values(dense.value_gradient, 3)};
  // Sums of up to Nk exponentials in the accumulation type, whose logarithm is as large as log Nk.
  const double step = half_place(storage == DType::f64 ? DType::f64 : DType::f32);
  const double sums = 4 * step * (1 + std::log(static_cast<double>(problem.key.shape().tokens)));
  const double lse = 2 * (dense.lse.max_error + sums) + score;
  allowed.lse = {.relative_l2 = lse, .cosine = 0, .element = lse, .score_gap = table.score_gap};
  return allowed;
}

template <class T>
PerResult<Comparison> dense_errors(Attention<T>& attention, const Problem<double>& problem, bool small,
                                   ThreadPool& threads) {
  Problem<double> dense = problem;
  dense.options = {.levels = 0, .scale = problem.resolved().scale};
  const Outcome<T> got = run_attention<T>(attention, converted<T>(dense));
  ExactResults want = exact_results(dense, got.options, got.selection, small, threads);
  return compare_results(results_of(got),
                         {std::move(want.output), std::move(want.lse), std::move(want.query_gradient),
                          std::move(want.key_gradient), std::move(want.value_gradient)},
                         magnitudes_of(problem));
}

template PerResult<Comparison> dense_errors(Attention<half>&, const Problem<double>&, bool, ThreadPool&);
template PerResult<Comparison> dense_errors(Attention<bfloat16>&, const Problem<double>&, bool, ThreadPool&);
template PerResult<Comparison> dense_errors(Attention<float>&, const Problem<double>&, bool, ThreadPool&);
template PerResult<Comparison> dense_errors(Attention<double>&, const Problem<double>&, bool, ThreadPool&);

}  // namespace llsa::compare

#pragma once

#include "compare/per_result.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::compare {

/// How far each result may be from the exact one.
using Allowances = PerResult<Tolerance>;

/// Allowances from the one table (`tolerance_of`), the same for every result, widened by the problem's scores: for the
/// types that are far finer than any mistake, f32 and f64.
Allowances table_allowances(const Problem<double>& problem, DType storage, Strictness strictness);

/// Allowances for one problem, derived from what an implementation of the same precision errs by without any choice of
/// keys. `dense` compares dense attention by that implementation on the same inputs with dense attention in double
/// (`dense_errors`): O may err by twice as much, gradients by three times. No more exact than half a last place of the
/// storage type is asked for, and the rounding of scores is granted: of their sums in fp32, and, where the problem has
/// coarse keys that a half type stores, of these. That is also what LSE, a dimensionless number, may be off by
/// absolutely, besides twice the error of the dense LSE.
/// `problem` is one that the type holds exactly (`as_stored`).
Allowances derived_allowances(const Problem<double>& problem, DType storage, const PerResult<Comparison>& dense);

/// Dense attention (L = 0) by `attention` on the problem's inputs against the same in double: by the naive oracle where
/// the problem is `small`, else by the reference. Gradients only where the problem has them.
template <class T>
PerResult<Comparison> dense_errors(Attention<T>& attention, const Problem<double>& problem, bool small,
                                   ThreadPool& threads);

}  // namespace llsa::compare

#pragma once

#include "llsa/selection.hpp"
#include "reference/pool.hpp"

namespace llsa::reference {

/// Hierarchical top-K selection from coarse to fine, spec section 3: scores `<Q^(l)[t], K^(l)[c]>` over the candidates,
/// the best `min(K_l, #candidates)` by score descending, ties to the lower index, NaN last. C is float or double.
/// A query head chooses among the tokens of its key head (spec section 9).
template <class C>
Selection select(const Pyramid<C>& query, const Pyramid<C>& key, const ResolvedOptions& options, ThreadPool& threads);

/// One level of it: writes the lists of the query tokens of `level` that stand for one of the queries `fine`, from
/// those of `level + 1`. Of `query` and `key` only that level is read, the candidates' keys and these queries.
template <class C>
void select_level(const Pyramid<C>& query, const Pyramid<C>& key, const ResolvedOptions& options, int level,
                  TokenRange fine, Selection& selection, ThreadPool& threads);

}  // namespace llsa::reference

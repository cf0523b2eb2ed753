#pragma once

#include "llsa/selection.hpp"
#include "reference/pool.hpp"

namespace llsa::reference {

/// Hierarchical top-K selection from coarse to fine, spec section 3: scores `<Q^(l)[t], K^(l)[c]>` over the candidates,
/// the best `min(K_l, #candidates)` by score descending, ties to the lower index, NaN last. C is float or double.
/// A query head chooses among the tokens of its key head (spec section 9).
template <class C>
Selection select(const Pyramid<C>& query, const Pyramid<C>& key, const ResolvedOptions& options, ThreadPool& threads);

}  // namespace llsa::reference

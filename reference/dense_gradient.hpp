#pragma once

#include "reference/gradients.hpp"

namespace llsa::reference {

/// The gradient of dense attention (L = 0, spec section 5), dQ, dK and dV from one walk over all pairs: five products
/// for a pair where `query_gradient` and `key_gradient` take seven between them. Queries are walked in the segments of
/// `KeyPlan`; each segment adds up dK and dV of all keys by itself, and the segments' sums are added in order (query
/// heads, then queries, ascending). Overwrites the three gradients of `params`; dQ has the bits of `query_gradient`.
/// Working memory: dK and dV in `Accumulate<T>` for each segment and head, of as many key heads at a time as fit
/// `most_bytes`, at least one.
template <class T>
void dense_gradient(const AttendBackwardParams<T>& params, const QueryStatistics<Accumulate<T>>& statistics,
                    ThreadPool& threads, std::int64_t most_bytes = std::int64_t{1} << 28);

/// What `dense_gradient` adds up: `segment_gradient` where L = 0.
template <class T>
void dense_segment_gradient(const AttendBackwardParams<T>& params, const QueryStatistics<Accumulate<T>>& statistics,
                            TokenRange segments, const TensorView<Accumulate<T>>& key,
                            const TensorView<Accumulate<T>>& value, ThreadPool& threads);

}  // namespace llsa::reference

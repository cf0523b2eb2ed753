#pragma once

#include <functional>

#include "llsa/selection.hpp"
#include "reference/key_queries.hpp"
#include "reference/tile_rows.hpp"

namespace llsa::reference {

/// What the backward needs of every fine query besides Q and dO, `[batch * heads, Nq]` each: the base-2 log-sum-exp, so that
/// P = 2^(s - lse2), and `delta = <dO, O> - dLSE`, so that dS = P (dP - delta) (spec section 5).
template <class C>
struct QueryStatistics {
  Buffer<C> lse2, delta;
};

template <class T>
QueryStatistics<Accumulate<T>> query_statistics(const AttentionOutputs<T>& outputs,
                                                const AttentionOutputGradients<T>& output_gradients,
                                                ThreadPool& threads);

/// dQ, query-major. Overwrites `gradient` `[batch, heads, Nq, D]`.
template <class T>
void query_gradient(const AttentionInputs<T>& inputs, const Pyramid<Accumulate<T>>& key,
                    const Pyramid<Accumulate<T>>& value, const Selection& selection, const ResolvedOptions& options,
                    const QueryStatistics<Accumulate<T>>& statistics, const TensorView<const T>& output_gradient,
                    const TensorView<T>& gradient, ThreadPool& threads);

/// Receives dK and dV of `count` consecutive key tokens of one level and head, transposed: `key[d * columns + c]` and
/// `value[d * columns + c]` belong to token `first + c`.
template <class C>
using KeyGradientSink = std::function<void(std::int64_t head, std::int64_t first, std::int64_t count, const C* key,
                                           const C* value, std::int64_t columns)>;

/// dK^(level) and dV^(level), key-major from the transposed selection: gradients through the key tokens of one level
/// (0 is fine), before unpooling; `how` finds the queries of a key. Every key token is handed to `sink` exactly once, from any thread.
template <class T>
void key_gradient(const AttentionInputs<T>& inputs, const Pyramid<Accumulate<T>>& key,
                  const Pyramid<Accumulate<T>>& value, const Selection& selection, const ResolvedOptions& options,
                  int level, const QueryStatistics<Accumulate<T>>& statistics,
                  const TensorView<const T>& output_gradient, const KeyGradientSink<Accumulate<T>>& sink, KeyMajor how,
                  ThreadPool& threads);

}  // namespace llsa::reference

#pragma once

#include <functional>
#include <optional>

#include "reference/attend_backward.hpp"
#include "reference/tile_rows.hpp"

namespace llsa::reference {

/// What the backward needs of every fine query besides Q and dO, `[batch * H, Nq]` each: the base-2 log-sum-exp, so
/// that P = 2^(s - lse2), and `delta = <dO, O> - dLSE`, so that dS = P (dP - delta) (spec section 5).
template <class C>
struct QueryStatistics {
  Buffer<C> lse2, delta;
};

template <class T>
QueryStatistics<Accumulate<T>> query_statistics(const AttendBackwardParams<T>& params, ThreadPool& threads);

/// dQ, query-major. Overwrites `params.query_gradient`.
template <class T>
void query_gradient(const AttendBackwardParams<T>& params, const QueryStatistics<Accumulate<T>>& statistics,
                    ThreadPool& threads);

/// Receives dK and dV of `count` consecutive key tokens of one level and key head, transposed: `key[d * columns + c]`
/// and `value[d * columns + c]` belong to token `first + c`.
template <class C>
using KeyGradientSink = std::function<void(std::int64_t head, std::int64_t first, std::int64_t count, const C* key,
                                           const C* value, std::int64_t columns)>;

/// dK^(level) and dV^(level), key-major from the transposed selection: gradients through the key tokens of one level
/// (0 is fine), before unpooling. Every key token is handed to `sink` exactly once, from any thread. `own`: only the
/// keys under these tokens of `level + 1` (below the coarsest level); the queries that selected those must be there.
template <class T>
void key_gradient(const AttendBackwardParams<T>& params, int level, const QueryStatistics<Accumulate<T>>& statistics,
                  const KeyGradientSink<Accumulate<T>>& sink, ThreadPool& threads, std::optional<TokenRange> own = {});

/// What `key_gradient` adds up at the coarsest level: the sums over the segments `[segments.begin, segments.end)` of
/// `KeyPlan`, whose queries must be there. `key` and `value` are `[batch * H, segments, T_L, dim]`, overwritten.
template <class T>
void segment_gradient(const AttendBackwardParams<T>& params, const QueryStatistics<Accumulate<T>>& statistics,
                      TokenRange segments, const TensorView<Accumulate<T>>& key, const TensorView<Accumulate<T>>& value,
                      ThreadPool& threads);

}  // namespace llsa::reference

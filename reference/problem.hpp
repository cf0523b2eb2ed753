#pragma once

#include "llsa/selection.hpp"
#include "llsa/tensor.hpp"
#include "reference/pool.hpp"

namespace llsa::reference {

/// What attention and its gradient read (spec sections 4 to 6): the reference's counterpart of `cuda::AttendProblem`,
/// by the same names. Everything must outlive it. `options` belong to these shapes (see `resolve`).
template <class T>
struct AttendProblem {
  TensorView<const T> query;                   ///< [batch, H, Nq, D]
  TensorView<const T> key;                     ///< [batch, Hk, Nk, D]
  TensorView<const T> value;                   ///< [batch, Hk, Nk, Dv]
  const Pyramid<Accumulate<T>>& coarse_key;    ///< `pool` of `key`
  const Pyramid<Accumulate<T>>& coarse_value;  ///< `pool` of `value`
  const Selection& selection;                  ///< lists for all batch * H query heads
  const ResolvedOptions& options;

  std::int64_t query_heads() const { return query.shape.batch * query.shape.heads; }
  std::int64_t key_heads() const { return key.shape.batch * key.shape.heads; }
};

}  // namespace llsa::reference

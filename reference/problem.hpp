#pragma once

#include <optional>

#include "llsa/selection.hpp"
#include "llsa/tensor.hpp"
#include "reference/pool.hpp"

namespace llsa::reference {

/// Where the rows of fine tokens stand in a view that does not hold a whole sequence: a shard of it, or the blocks that
/// somebody selected. The default is the whole sequence.
struct Places {
  std::int64_t first = 0;  ///< without `slots`: token `first` is row 0
  const std::int32_t* slots =
      nullptr;  ///< [heads, blocks]: block b of head h is the view's block `slots[h, b]`, -1: absent
  std::int64_t blocks = 0, block_size = 1;

  /// The row of a token whose block is present. Neighbouring blocks that are both present must be neighbours in the
  /// view too: a run of tokens is read as a run of rows.
  std::int64_t row(std::int64_t head, std::int64_t token) const {
    if (slots == nullptr) return token - first;
    return slots[head * blocks + token / block_size] * block_size + token % block_size;
  }
};

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
  /// For one rank of several: where the fine queries and keys stand that are here. Query-major work is done for
  /// `queries` alone (whole query blocks), key-major work for what `key_gradient` is asked for.
  Places query_places = {}, key_places = {};
  std::optional<TokenRange> queries = {};

  std::int64_t query_heads() const { return query.shape.batch * query.shape.heads; }
  std::int64_t key_heads() const { return key.shape.batch * key.shape.heads; }
};

}  // namespace llsa::reference

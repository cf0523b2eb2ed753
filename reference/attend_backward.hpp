#pragma once

#include <vector>

#include "llsa/thread_pool.hpp"
#include "reference/key_queries.hpp"
#include "reference/problem.hpp"

namespace llsa::reference {

/// The gradient of `attend` with the selection held constant and pooling differentiated, spec section 5.
template <class T>
struct AttendBackwardParams {
  AttendProblem<T> problem;
  TensorView<const T> output;                       ///< O [batch, H, Nq, Dv]
  TensorView<const Accumulate<T>> lse;              ///< [batch, H, Nq, 1], from the forward pass
  TensorView<const T> output_gradient;              ///< dO [batch, H, Nq, Dv]
  TensorView<const Accumulate<T>> lse_gradient;     ///< dLSE [batch, H, Nq, 1], or without data for zero
  TensorView<T> query_gradient;                     ///< dQ [batch, H, Nq, D], overwritten
  TensorView<T> key_gradient;                       ///< dK [batch, Hk, Nk, D], overwritten
  TensorView<T> value_gradient;                     ///< dV [batch, Hk, Nk, Dv], overwritten
  KeyMajor key_major = KeyMajor::transposed_lists;  ///< what finds the queries of a key
};

/// dQ is computed query-major; dK and dV key-major from the transposed selection, one level at a time, each level's
/// gradient unpooled onto the fine tokens; where L = 0 all in one pass (`dense_gradient`). A key head's sums run over
/// its query heads, ascending (spec section 9). No N x N or T x T array is built, unless `key_major` asks for the
/// mask-based baseline.
template <class T>
void attend_backward(const AttendBackwardParams<T>& params, ThreadPool& threads);

/// dK and dV split by where they come from: `[0]` through the fine keys, `[l]` through the enriched keys of level l,
/// already unpooled. They sum to the full gradient. For `llsa-compare verify`. The gradients of `params` are not
/// written and may be without data.
struct GradientParts {
  std::vector<Tensor<double>> key, value;
};
GradientParts attend_backward_parts(const AttendBackwardParams<double>& params, ThreadPool& threads);

}  // namespace llsa::reference

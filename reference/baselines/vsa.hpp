#pragma once

#include <memory>

#include "reference/baselines/branches.hpp"

namespace llsa::reference {

/// The pooled branch of VSA: dense attention among pooled tokens.
template <class T>
struct PooledBranch {
  Tensor<T> query, key, value;
  Tensor<Accumulate<T>> lse;
  Branch<T> branch;

  AttentionInputs<T> inputs() const { return {query.view(), key.view(), value.view()}; }
  AttentionOutputs<T> outputs() { return {branch.output.view(), lse.view()}; }
};

/// VSA, spec section 8: O_i = g_i O^sparse_i + h_i O^coarse_{t(i)}, where O^sparse is block-sparse top-K attention
/// (method "topk"), O^coarse dense attention among the mean-pooled tokens of Q, K and V (level 1 of the hierarchy, each
/// with a softmax of its own, the same scale, no weights by count), t(i) the query block of i, and g, h the optional
/// gates `[batch, H, Nq, 1]` ("gate_sparse" and "gate_coarse"; one when absent).
///
/// Both branches run on `inner`, so on any backend. LSE is the sparse branch's, and dLSE flows there. The gradient
/// goes through pooling, that of Q included; the selection is held constant. For 16-bit T each branch's output and
/// gradient is rounded to T, as it would be stored, and the sums of the two are taken in `Accumulate<T>`.
/// Bitwise reproducible for any thread count. `threads` must outlive it.
template <class T>
class VsaAttention final : public BranchAttention<T, PooledBranch<T>> {
  using Base = BranchAttention<T, PooledBranch<T>>;

 public:
  VsaAttention(std::unique_ptr<Attention<T>> inner, ThreadPool& threads) : Base("vsa", std::move(inner), threads) {}

 protected:
  std::unique_ptr<AttentionState> do_forward(const AttentionInputs<T>& inputs, const ResolvedOptions& options,
                                             const AttentionOutputs<T>& outputs, const Selection* given) override;
  void do_backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs, const AttentionState& state,
                   const AttentionOutputGradients<T>& output_gradients,
                   const AttentionGradients<T>& gradients) override;

 private:
  using Base::inner_;
  using Base::threads_;
};

}  // namespace llsa::reference

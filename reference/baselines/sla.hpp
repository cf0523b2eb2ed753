#pragma once

#include <memory>

#include "reference/baselines/branches.hpp"

namespace llsa::reference {

/// The linear branch is computed again in backward: cheaper than what it would keep.
struct NothingAdded {};

/// SLA, spec section 8: O_i = O^sparse_i + W_p O^linear_i + b_p, where O^sparse is block-sparse top-K attention (method
/// "topk") and O^linear linear attention over all keys (`linear_attention.hpp`). W_p `[1, 1, Dv, Dv]` (output feature,
/// input feature) and b_p `[1, 1, 1, Dv]` are the further inputs "w_p" and "b_p", shared by all heads, zero when
/// absent.
///
/// The published method subtracts the mean key before it selects. That adds the same number to all scores of a query,
/// so it changes no ranking and is not done here; in floating point, scores that differ by less than their rounding
/// may rank the other way round, and here they rank as in LLSA.
///
/// The sparse branch runs on `inner`, so on any backend; the linear branch on the CPU in `Accumulate<T>`. LSE is the
/// sparse branch's, and dLSE flows there. For 16-bit T the sparse branch's output and gradient is rounded to T.
/// Bitwise reproducible for any thread count. `threads` must outlive it.
template <class T>
class SlaAttention final : public BranchAttention<T, NothingAdded> {
  using Base = BranchAttention<T, NothingAdded>;

 public:
  SlaAttention(std::unique_ptr<Attention<T>> inner, ThreadPool& threads) : Base("sla", std::move(inner), threads) {}

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

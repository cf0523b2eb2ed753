#pragma once

#include <memory>

#include "llsa/attention.hpp"
#include "reference/key_queries.hpp"
#include "reference/pool.hpp"

namespace llsa::reference {

/// What the reference keeps for `backward`: the selection and the pyramids of K and V (1/(B-1) of their size).
template <class T>
class ReferenceState final : public AttentionState {
 public:
  using AttentionState::AttentionState;
  const Selection& selection() const override { return lists; }

  Selection lists;
  Pyramid<Accumulate<T>> key, value;
};

/// The CPU reference behind the common interface. `threads` must outlive it. `KeyMajor::dense_mask` makes it the method
/// "llsa+mask-backward" of spec section 8.
template <class T>
class ReferenceAttention final : public Attention<T> {
 public:
  explicit ReferenceAttention(ThreadPool& threads, KeyMajor key_major = KeyMajor::transposed_lists)
      : threads_(&threads), key_major_(key_major) {}
  std::string name() const override { return "reference"; }

 protected:
  bool made(const AttentionState& state) const override;
  std::unique_ptr<AttentionState> do_forward(const AttentionInputs<T>& inputs, const ResolvedOptions& options,
                                             const AttentionOutputs<T>& outputs, const Selection* given) override;
  void do_backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs, const AttentionState& state,
                   const AttentionOutputGradients<T>& output_gradients,
                   const AttentionGradients<T>& gradients) override;

 private:
  ThreadPool* threads_;
  KeyMajor key_major_;
};

}  // namespace llsa::reference

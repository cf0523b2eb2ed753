#pragma once

#include <array>
#include <memory>

#include "llsa/attention.hpp"
#include "reference/key_queries.hpp"
#include "reference/pool.hpp"

namespace llsa::reference {

/// What the reference keeps for `backward`: the selection and the pyramids of K and V (1/(B-1) of their size).
template <class T>
class ReferenceState final : public AttentionState {
 public:
  ReferenceState(ResolvedOptions resolved, const AttentionInputs<T>& inputs)
      : AttentionState(std::move(resolved)), shapes{inputs.query.shape, inputs.key.shape, inputs.value.shape} {}
  const Selection& selection() const override { return lists; }

  std::array<Shape, 3> shapes;  ///< of Q, K and V
  Selection lists;
  Pyramid<Accumulate<T>> key, value;
};

/// The CPU reference behind the common interface. `threads` must outlive it. `KeyMajor::dense_mask` makes it the method
/// "llsa+mask-backward" of spec section 8.
template <class T>
class ReferenceAttention final : public Attention<T> {
 public:
  explicit ReferenceAttention(ThreadPool& threads, KeyMajor how = KeyMajor::transposed_lists)
      : threads_(&threads), how_(how) {}
  std::string name() const override { return "reference"; }
  std::unique_ptr<AttentionState> forward(const AttentionInputs<T>& inputs, const Options& options,
                                          const AttentionOutputs<T>& outputs, const Selection* given) override;
  void backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs, const AttentionState& state,
                const AttentionOutputGradients<T>& output_gradients, const AttentionGradients<T>& gradients) override;

 private:
  ThreadPool* threads_;
  KeyMajor how_;
};

}  // namespace llsa::reference

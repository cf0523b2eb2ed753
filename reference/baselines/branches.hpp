#pragma once

#include <memory>
#include <string>

#include "llsa/attention.hpp"
#include "llsa/method.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::reference {

/// Attention over some inputs by an inner implementation, with what its backward needs.
template <class T>
struct Branch {
  Tensor<T> output;
  std::unique_ptr<AttentionState> state;
};

/// What the methods that add a branch to block-sparse top-K attention keep for `backward`: the sparse branch, and
/// `Added`, their own. Behind pointers, because `backward` sees the state as const but an inner implementation takes
/// outputs as views that could be written.
template <class T, class Added>
class BranchState final : public AttentionState {
 public:
  using AttentionState::AttentionState;
  const Selection& selection() const override { return sparse->state->selection(); }

  std::unique_ptr<Branch<T>> sparse = std::make_unique<Branch<T>>();
  std::unique_ptr<Added> added = std::make_unique<Added>();
};

/// The inputs without the extras, which are not an inner implementation's.
template <class T>
AttentionInputs<T> plain(const AttentionInputs<T>& inputs) {
  return {inputs.query, inputs.key, inputs.value};
}

/// What the methods that add a branch to block-sparse top-K attention share: the sparse branch, which runs on an inner
/// implementation, and the method's options and further inputs.
template <class T, class Added>
class BranchAttention : public Attention<T> {
 public:
  std::string name() const override { return inner_->name(); }
  std::vector<ExtraInput> extra_inputs(const Shape& query, const Shape& value) const override {
    return method_extras(method_, query, value);
  }

 protected:
  using State = BranchState<T, Added>;

  BranchAttention(std::string_view method, std::unique_ptr<Attention<T>> inner, ThreadPool& threads)
      : method_(method), inner_(std::move(inner)), threads_(&threads) {}

  Options own_options(const Options& options) const override { return method_options(method_, options); }
  bool made(const AttentionState& state) const override { return dynamic_cast<const State*>(&state) != nullptr; }

  /// Computes the sparse branch: its output into the state, LSE into `outputs`.
  std::unique_ptr<State> sparse_forward(const AttentionInputs<T>& inputs, const ResolvedOptions& options,
                                        const AttentionOutputs<T>& outputs, const Selection* given) {
    auto state = std::make_unique<State>(options, inputs.shapes());
    Branch<T>& branch = *state->sparse;
    branch.output = Tensor<T>(outputs.output.shape);
    branch.state =
        Attention<T>::forward_by(*inner_, plain(inputs), options, {branch.output.view(), outputs.lse}, given);
    return state;
  }
  /// Its gradient, from that of its output.
  void sparse_backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs, const State& state,
                       const AttentionOutputGradients<T>& output_gradients, const AttentionGradients<T>& gradients) {
    Branch<T>& branch = *state.sparse;
    Attention<T>::backward_by(*inner_, plain(inputs), {branch.output.view(), outputs.lse}, *branch.state,
                              output_gradients, {gradients.query, gradients.key, gradients.value});
  }

  std::string method_;
  std::unique_ptr<Attention<T>> inner_;
  ThreadPool* threads_;
};

}  // namespace llsa::reference

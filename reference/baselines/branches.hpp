#pragma once

#include <array>
#include <memory>

#include "llsa/attention.hpp"
#include "llsa/error.hpp"
#include "llsa/method.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::reference {

/// Extra number `i`, a view without data when it was left out.
template <class T>
TensorView<T> extra_or_none(const std::vector<TensorView<T>>& extras, std::size_t i) {
  return i < extras.size() ? extras[i] : TensorView<T>{};
}

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
  BranchState(ResolvedOptions options, const AttentionInputs<T>& inputs)
      : AttentionState(std::move(options)), shapes{inputs.query.shape, inputs.key.shape, inputs.value.shape} {}
  const Selection& selection() const override { return sparse->state->selection(); }

  /// The state as this class. Throws `Error` unless `state` is one and belongs to inputs of these shapes.
  static const BranchState& of(const AttentionState& state, const AttentionInputs<T>& inputs) {
    const auto* saved = dynamic_cast<const BranchState*>(&state);
    if (!saved) throw Error("state was not made by this implementation's forward");
    if (saved->shapes != std::array{inputs.query.shape, inputs.key.shape, inputs.value.shape})
      throw Error("state belongs to inputs of other shapes; backward takes the inputs that forward was given");
    return *saved;
  }

  std::array<Shape, 3> shapes;  ///< of Q, K and V
  std::unique_ptr<Branch<T>> sparse = std::make_unique<Branch<T>>();
  std::unique_ptr<Added> added = std::make_unique<Added>();
};

/// The inputs without the extras, which are not an inner implementation's.
template <class T>
AttentionInputs<T> plain(const AttentionInputs<T>& inputs) {
  return {inputs.query, inputs.key, inputs.value};
}

/// What the methods that add a branch to block-sparse top-K attention share: the sparse branch, which runs on an inner
/// implementation, and the shapes of the method's further inputs.
template <class T>
class BranchAttention : public Attention<T> {
 public:
  std::string name() const override { return inner_->name(); }
  std::vector<Shape> extra_shapes(const Shape& query, const Shape& value) const override {
    std::vector<Shape> shapes;
    for (const ExtraInput& extra : method_extras(method_, query, value)) shapes.push_back(extra.shape);
    return shapes;
  }

 protected:
  BranchAttention(std::string_view method, std::unique_ptr<Attention<T>> inner, ThreadPool& threads)
      : method_(method), inner_(std::move(inner)), threads_(&threads) {}

  /// Checks the arguments of `forward`, then computes the sparse branch: its output into the state, LSE into `outputs`.
  template <class Added>
  std::unique_ptr<BranchState<T, Added>> sparse_forward(const AttentionInputs<T>& inputs, const Options& options,
                                                        const AttentionOutputs<T>& outputs, const Selection* given) {
    const Options sparse = method_options(method_, options);
    const ResolvedOptions resolved = resolve(sparse, inputs.query.shape, inputs.key.shape, inputs.value.shape);
    check_output_shapes(inputs, outputs, extra_shapes(inputs.query.shape, inputs.value.shape));
    auto state = std::make_unique<BranchState<T, Added>>(resolved, inputs);
    Branch<T>& branch = *state->sparse;
    branch.output = Tensor<T>(outputs.output.shape);
    branch.state = inner_->forward(plain(inputs), sparse, {branch.output.view(), outputs.lse}, given);
    return state;
  }

  /// Checks the arguments of `backward` and returns the state.
  template <class Added>
  const BranchState<T, Added>& checked(const AttentionState& state, const AttentionInputs<T>& inputs,
                                       const AttentionOutputs<T>& outputs,
                                       const AttentionOutputGradients<T>& output_gradients,
                                       const AttentionGradients<T>& gradients) const {
    const auto& saved = BranchState<T, Added>::of(state, inputs);
    const std::vector<Shape> extras = extra_shapes(inputs.query.shape, inputs.value.shape);
    check_output_shapes(inputs, outputs, extras);
    check_gradient_shapes(inputs, output_gradients, gradients, extras);
    return saved;
  }

  std::string method_;
  std::unique_ptr<Attention<T>> inner_;
  ThreadPool* threads_;
};

}  // namespace llsa::reference

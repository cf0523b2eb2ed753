#pragma once

#include <array>
#include <memory>

#include "llsa/attention.hpp"
#include "llsa/error.hpp"
#include "llsa/method.hpp"

namespace llsa::reference {

inline std::vector<Shape> shapes_of(const std::vector<ExtraInput>& extras) {
  std::vector<Shape> shapes;
  for (const ExtraInput& extra : extras) shapes.push_back(extra.shape);
  return shapes;
}

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

}  // namespace llsa::reference

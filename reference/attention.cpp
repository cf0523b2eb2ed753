#include "reference/attention.hpp"

#include "llsa/error.hpp"
#include "reference/attend.hpp"
#include "reference/attend_backward.hpp"
#include "reference/select.hpp"

namespace llsa::reference {

template <class T>
std::unique_ptr<AttentionState> ReferenceAttention<T>::forward(const AttentionInputs<T>& inputs, const Options& options,
                                                               const AttentionOutputs<T>& outputs,
                                                               const Selection* given) {
  const ResolvedOptions resolved = resolve(options, inputs.query.shape, inputs.key.shape, inputs.value.shape);
  check_output_shapes(inputs, outputs);
  if (given) validate(*given, resolved, inputs.query.shape.batch * inputs.query.shape.heads);

  auto state = std::make_unique<ReferenceState<T>>(resolved, inputs);
  state->key = pool(inputs.key, resolved.key, *threads_);
  state->value = pool(inputs.value, resolved.key, *threads_);
  state->lists =
      given ? *given : select(pool(inputs.query, resolved.query, *threads_), state->key, resolved, *threads_);
  attend(inputs, state->key, state->value, state->lists, resolved, outputs, *threads_);
  return state;
}

template <class T>
void ReferenceAttention<T>::backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs,
                                     const AttentionState& state, const AttentionOutputGradients<T>& output_gradients,
                                     const AttentionGradients<T>& gradients) {
  const auto* saved = dynamic_cast<const ReferenceState<T>*>(&state);
  if (!saved) throw Error("state was not made by this implementation's forward");
  if (saved->shapes != std::array{inputs.query.shape, inputs.key.shape, inputs.value.shape})
    throw Error("state belongs to inputs of other shapes; backward takes the inputs that forward was given");
  check_output_shapes(inputs, outputs);
  check_gradient_shapes(inputs, output_gradients, gradients);
  attend_backward(inputs, saved->key, saved->value, saved->lists, saved->options(), outputs, output_gradients,
                  gradients, *threads_, how_);
}

template class ReferenceAttention<float>;
template class ReferenceAttention<double>;
template class ReferenceAttention<half>;
template class ReferenceAttention<bfloat16>;

}  // namespace llsa::reference

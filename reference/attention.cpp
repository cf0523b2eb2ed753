#include "reference/attention.hpp"

#include "reference/attend.hpp"
#include "reference/attend_backward.hpp"
#include "reference/select.hpp"

namespace llsa::reference {
namespace {

template <class T>
AttendProblem<T> problem_of(const AttentionInputs<T>& inputs, const ReferenceState<T>& state) {
  return {inputs.query, inputs.key, inputs.value, state.key, state.value, state.lists, state.options()};
}

}  // namespace

template <class T>
bool ReferenceAttention<T>::made(const AttentionState& state) const {
  return dynamic_cast<const ReferenceState<T>*>(&state) != nullptr;
}

template <class T>
std::unique_ptr<AttentionState> ReferenceAttention<T>::do_forward(const AttentionInputs<T>& inputs,
                                                                  const ResolvedOptions& options,
                                                                  const AttentionOutputs<T>& outputs,
                                                                  const Selection* given) {
  auto state = std::make_unique<ReferenceState<T>>(options, inputs.shapes());
  state->key = pool(inputs.key, options.key, *threads_);
  state->value = pool(inputs.value, options.key, *threads_);
  state->lists = given ? *given : select(pool(inputs.query, options.query, *threads_), state->key, options, *threads_);
  attend<T>({problem_of(inputs, *state), outputs.output, outputs.lse}, *threads_);
  return state;
}

template <class T>
void ReferenceAttention<T>::do_backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs,
                                        const AttentionState& state,
                                        const AttentionOutputGradients<T>& output_gradients,
                                        const AttentionGradients<T>& gradients) {
  attend_backward<T>({.problem = problem_of(inputs, static_cast<const ReferenceState<T>&>(state)),
                      .output = outputs.output,
                      .lse = outputs.lse,
                      .output_gradient = output_gradients.output,
                      .lse_gradient = output_gradients.lse,
                      .query_gradient = gradients.query,
                      .key_gradient = gradients.key,
                      .value_gradient = gradients.value,
                      .key_major = key_major_},
                     *threads_);
}

template class ReferenceAttention<float>;
template class ReferenceAttention<double>;
template class ReferenceAttention<half>;
template class ReferenceAttention<bfloat16>;

}  // namespace llsa::reference

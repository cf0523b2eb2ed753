#include "llsa/attention.hpp"

#include <algorithm>

#include "llsa/error.hpp"

namespace llsa {
namespace {

template <class T>
void require(const std::string& name, const TensorView<T>& view, const Shape& wanted) {
  if (view.data == nullptr) throw Error(name + " is missing; it must be " + text_of(wanted));
  if (!(view.shape == wanted))
    throw Error(name + " has shape " + text_of(view.shape) + "; it must be " + text_of(wanted));
}

template <class T>
void require_extras(const std::string& kind, const NamedViews<T>& views, const std::vector<ExtraInput>& wanted) {
  for (const NamedView<T>& each : views) {
    const auto found = std::find_if(wanted.begin(), wanted.end(), [&](const auto& w) { return w.name == each.name; });
    if (found == wanted.end()) {
      std::string known;
      for (const ExtraInput& extra : wanted) known += (known.empty() ? "" : ", ") + std::string(extra.name);
      throw Error(kind + " '" + each.name + "' is given; this method takes " + (known.empty() ? "none" : known));
    }
    if (std::count_if(views.begin(), views.end(), [&](const auto& v) { return v.name == each.name; }) > 1)
      throw Error(kind + " '" + each.name + "' is given twice");
    if (each.view.data != nullptr) require(kind + " '" + each.name + "'", each.view, found->shape);
  }
}

/// Whether they belong together is for `resolve` to say.
template <class T>
void require_inputs(const AttentionInputs<T>& in) {
  require("query", in.query, in.query.shape);
  require("key", in.key, in.key.shape);
  require("value", in.value, in.value.shape);
}

void require_shape_of_state(const char* name, const Shape& now, const Shape& then) {
  if (!(now == then))
    throw Error(std::string(name) + " has shape " + text_of(now) +
                "; the state belongs to a forward pass where it had " + text_of(then));
}

}  // namespace

template <class T>
void check_outputs(const AttentionInputs<T>& in, const AttentionOutputs<T>& out) {
  const Shape& q = in.query.shape;
  require("output", out.output, {q.batch, q.heads, q.tokens, in.value.shape.dim});
  require("lse", out.lse, {q.batch, q.heads, q.tokens, 1});
}

template <class T>
std::unique_ptr<AttentionState> Attention<T>::forward(const AttentionInputs<T>& inputs, const Options& options,
                                                      const AttentionOutputs<T>& outputs, const Selection* given) {
  const auto& [query, key, value] = inputs.shapes();
  const ResolvedOptions resolved = resolve(own_options(options), query, key, value);
  require_inputs(inputs);
  require_extras("extra input", inputs.extras, extra_inputs(query, value));
  check_outputs(inputs, outputs);
  if (given) validate(*given, resolved, query.batch * query.heads);
  return do_forward(inputs, resolved, outputs, given);
}

template <class T>
void Attention<T>::backward(const AttentionInputs<T>& inputs, const AttentionOutputs<T>& outputs,
                            const AttentionState& state, const AttentionOutputGradients<T>& output_gradients,
                            const AttentionGradients<T>& gradients) {
  if (!made(state)) throw Error("state was not made by this implementation's forward");
  const auto& [query, key, value] = inputs.shapes();
  require_shape_of_state("query", query, state.shapes().query);
  require_shape_of_state("key", key, state.shapes().key);
  require_shape_of_state("value", value, state.shapes().value);
  require_inputs(inputs);
  const std::vector<ExtraInput> extras = extra_inputs(query, value);
  require_extras("extra input", inputs.extras, extras);
  check_outputs(inputs, outputs);
  require("output gradient", output_gradients.output, outputs.output.shape);
  if (output_gradients.lse.data != nullptr) require("lse gradient", output_gradients.lse, outputs.lse.shape);
  require("query gradient", gradients.query, query);
  require("key gradient", gradients.key, key);
  require("value gradient", gradients.value, value);
  require_extras("extra gradient", gradients.extras, extras);
  do_backward(inputs, outputs, state, output_gradients, gradients);
}

template void check_outputs(const AttentionInputs<float>&, const AttentionOutputs<float>&);
template void check_outputs(const AttentionInputs<double>&, const AttentionOutputs<double>&);
template void check_outputs(const AttentionInputs<half>&, const AttentionOutputs<half>&);
template void check_outputs(const AttentionInputs<bfloat16>&, const AttentionOutputs<bfloat16>&);
template class Attention<float>;
template class Attention<double>;
template class Attention<half>;
template class Attention<bfloat16>;

}  // namespace llsa

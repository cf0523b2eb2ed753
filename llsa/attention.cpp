#include "llsa/attention.hpp"

#include "llsa/error.hpp"

namespace llsa {
namespace {

std::string describe(const Shape& s) {
  return "[" + std::to_string(s.batch) + ", " + std::to_string(s.heads) + ", " + std::to_string(s.tokens) + ", " +
         std::to_string(s.dim) + "]";
}

template <class T>
void expect(const char* name, const TensorView<T>& view, Shape wanted) {
  if (view.data == nullptr) throw Error(std::string(name) + " is missing; it must be " + describe(wanted));
  if (!(view.shape == wanted))
    throw Error(std::string(name) + " has shape " + describe(view.shape) + "; it must be " + describe(wanted));
}

template <class T>
Shape output_shape(const AttentionInputs<T>& in) {
  return {in.query.shape.batch, in.query.shape.heads, in.query.shape.tokens, in.value.shape.dim};
}

template <class T>
Shape lse_shape(const AttentionInputs<T>& in) {
  return {in.query.shape.batch, in.query.shape.heads, in.query.shape.tokens, 1};
}

}  // namespace

template <class T>
void check_output_shapes(const AttentionInputs<T>& in, const AttentionOutputs<T>& out) {
  expect("output", out.output, output_shape(in));
  expect("lse", out.lse, lse_shape(in));
}

template <class T>
void check_gradient_shapes(const AttentionInputs<T>& in, const AttentionOutputGradients<T>& d,
                           const AttentionGradients<T>& gradients) {
  expect("output gradient", d.output, output_shape(in));
  if (d.lse.data != nullptr) expect("lse gradient", d.lse, lse_shape(in));
  expect("query gradient", gradients.query, in.query.shape);
  expect("key gradient", gradients.key, in.key.shape);
  expect("value gradient", gradients.value, in.value.shape);
}

#define LLSA_INSTANTIATE(T)                                                                    \
  template void check_output_shapes(const AttentionInputs<T>&, const AttentionOutputs<T>&);    \
  template void check_gradient_shapes(const AttentionInputs<T>&, const AttentionOutputGradients<T>&, \
                                      const AttentionGradients<T>&);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa

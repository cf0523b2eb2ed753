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

template <class T>
void check_extras(const std::string& name, const std::vector<TensorView<T>>& views, const std::vector<Shape>& wanted) {
  if (views.empty()) return;
  if (views.size() != wanted.size())
    throw Error(std::to_string(views.size()) + " " + name + "s are given; " +
                (wanted.empty() ? "this method takes none"
                                : "this method takes " + std::to_string(wanted.size()) + " or none"));
  for (std::size_t i = 0; i < views.size(); ++i)
    if (views[i].data != nullptr) expect((name + " " + std::to_string(i + 1)).c_str(), views[i], wanted[i]);
}

}  // namespace

template <class T>
void check_output_shapes(const AttentionInputs<T>& in, const AttentionOutputs<T>& out,
                         const std::vector<Shape>& extras) {
  check_extras("extra input", in.extras, extras);
  expect("output", out.output, output_shape(in));
  expect("lse", out.lse, lse_shape(in));
}

template <class T>
void check_gradient_shapes(const AttentionInputs<T>& in, const AttentionOutputGradients<T>& d,
                           const AttentionGradients<T>& gradients, const std::vector<Shape>& extras) {
  expect("output gradient", d.output, output_shape(in));
  if (d.lse.data != nullptr) expect("lse gradient", d.lse, lse_shape(in));
  expect("query gradient", gradients.query, in.query.shape);
  expect("key gradient", gradients.key, in.key.shape);
  expect("value gradient", gradients.value, in.value.shape);
  check_extras("extra gradient", gradients.extras, extras);
}

#define LLSA_INSTANTIATE(T)                                                                                            \
  template void check_output_shapes(const AttentionInputs<T>&, const AttentionOutputs<T>&, const std::vector<Shape>&); \
  template void check_gradient_shapes(const AttentionInputs<T>&, const AttentionOutputGradients<T>&,                   \
                                      const AttentionGradients<T>&, const std::vector<Shape>&);
LLSA_INSTANTIATE(float)
LLSA_INSTANTIATE(double)
LLSA_INSTANTIATE(half)
LLSA_INSTANTIATE(bfloat16)
#undef LLSA_INSTANTIATE

}  // namespace llsa

#include "compare/per_result.hpp"

namespace llsa::compare {

template <class T>
Results results_of(const Outcome<T>& outcome) {
  const auto widened = []<class U>(const Tensor<U>& tensor) { return in_double<U>(tensor.view()); };
  return {widened(outcome.output), widened(outcome.lse), widened(outcome.query_gradient), widened(outcome.key_gradient),
          widened(outcome.value_gradient)};
}

template Results results_of(const Outcome<half>&);
template Results results_of(const Outcome<bfloat16>&);
template Results results_of(const Outcome<float>&);
template Results results_of(const Outcome<double>&);

PerResult<Comparison> compare_results(const Results& got, const Results& want, const Magnitudes& magnitudes) {
  const auto compared = [](const Tensor<double>& x, const Tensor<double>& y, const CompareOptions& how) {
    return x.flat().empty() || y.flat().empty() ? Comparison{} : compare(x.view(), y.view(), how);
  };
  return {compared(got.output, want.output, {.floor = magnitudes.output}),
          compared(got.lse, want.lse, {.absolute = true}),
          compared(got.query_gradient, want.query_gradient, {.floor = magnitudes.query_gradient}),
          compared(got.key_gradient, want.key_gradient, {.floor = magnitudes.key_gradient}),
          compared(got.value_gradient, want.value_gradient, {.floor = magnitudes.value_gradient})};
}

std::string explain(const PerResult<Comparison>& c, const PerResult<Tolerance>& allowed) {
  std::string text;
  const auto judge = [&](const char* name, const Comparison& comparison, const Tolerance& tolerance) {
    if (!text.empty()) return;
    if (const std::string why = explain(comparison, tolerance); !why.empty()) text = std::string(name) + ": " + why;
  };
  judge("o", c.output, allowed.output);
  judge("lse", c.lse, allowed.lse);
  judge("dq", c.query_gradient, allowed.query_gradient);
  judge("dk", c.key_gradient, allowed.key_gradient);
  judge("dv", c.value_gradient, allowed.value_gradient);
  return text;
}

}  // namespace llsa::compare

#include "support/problem.hpp"
#include "support/properties/properties.hpp"
#include "support/same_run.hpp"

namespace llsa::testing {
namespace {

template <class T>
Verdict a_second_run_gives_the_same_bits(Attention<T>& attention, const Case& c) {
  return same_results(attention, attention, c);
}

template <class T>
Verdict layouts_give_the_same_bits(Attention<T>& attention, const Case& original) {
  Case strided = original;  // broadcast inputs hold other numbers when they are written out, so they are left aside
  for (Layout* layout : {&strided.query_layout, &strided.key_layout, &strided.value_layout}) {
    if (*layout == Layout::broadcast_heads) *layout = Layout::heads_inside;
    if (*layout == Layout::broadcast_batch) *layout = Layout::dim_major;
  }
  Case plain = strided;
  plain.query_layout = plain.key_layout = plain.value_layout = plain.output_layout = Layout::contiguous;
  const Problem<T> strided_problem(strided), plain_problem(plain);
  const AttentionRun<T> strided_run = run_both(attention, strided_problem),
                        plain_run = run_both(attention, plain_problem);
  if (!strided_run.gaps_are_untouched()) return ::testing::AssertionFailure() << "a gap between elements was written";
  return same_run(strided_run, plain_run);
}

template <class View>
View one_head(const View& all, std::int64_t b, std::int64_t h) {
  Shape shape = all.shape;
  shape.batch = shape.heads = 1;
  return {all.head(b, h).data, shape, all.strides};
}

/// Every head computed alone has the bits that it has inside the batch.
template <class T>
Verdict a_head_does_not_depend_on_its_neighbours(Attention<T>& attention, const Case& c) {
  const Problem<T> problem(c);
  AttentionRun<T> together = run_both(attention, problem);
  for (std::int64_t b = 0; b < c.batch; ++b)
    for (std::int64_t h = 0; h < c.heads; ++h) {
      AttentionRun<T> alone = run_both(attention, problem);  // its other heads stay; the one is overwritten
      for (auto* tensor :
           {&alone.output, &alone.lse, &alone.query_gradient, &alone.key_gradient, &alone.value_gradient})
        for_each_index(tensor->view().shape,
                       [&](auto, auto, auto t, auto d) { tensor->view()(b, h, t, d) = poison<T>(); });
      const AttentionInputs<T> inputs{one_head(problem.query.cview(), b, h), one_head(problem.key.cview(), b, h),
                                      one_head(problem.value.cview(), b, h)};
      const AttentionOutputs<T> outputs{one_head(alone.output.view(), b, h), one_head(alone.lse.view(), b, h)};
      const auto state = attention.forward(inputs, c.options, outputs);
      attention.backward(
          inputs, outputs, *state,
          {one_head(problem.output_gradient.cview(), b, h), one_head(problem.lse_gradient.cview(), b, h)},
          {one_head(alone.query_gradient.view(), b, h), one_head(alone.key_gradient.view(), b, h),
           one_head(alone.value_gradient.view(), b, h)});
      if (Verdict v = same_run(alone, together); !v) return v << " (batch entry " << b << ", head " << h << " alone)";
    }
  return ::testing::AssertionSuccess();
}

}  // namespace

template <class T>
Verdict same_results(Attention<T>& one, Attention<T>& other, const Case& c) {
  const Problem<T> problem(c);
  return same_run(run_both(one, problem), run_both(other, problem));
}

template <class T>
Verdict rounds_the_float_results(Attention<T>& narrow, Attention<float>& wide, const Case& c) {
  const Problem<T> problem(c);
  const AttentionRun<T> run = run_both(narrow, problem);
  // The same numbers in float, and the rounded O that the narrow backward is given.
  const auto query = compare::converted<float>(compare::in_double(problem.query.cview())),
             key = compare::converted<float>(compare::in_double(problem.key.cview())),
             value = compare::converted<float>(compare::in_double(problem.value.cview())),
             output_gradient = compare::converted<float>(compare::in_double(problem.output_gradient.cview()));
  const AttentionInputs<float> inputs{query.view(), key.view(), value.view()};
  Tensor<float> output(c.output_shape()), lse(c.lse_shape());
  const auto state = wide.forward(inputs, c.options, {output.view(), lse.view()});
  if (Verdict v = same("selection", run.selection(), state->selection()); !v) return v;
  if (Verdict v = same("lse", run.lse.cview(), lse.cview()); !v) return v;
  const Tensor<T> rounded = compare::converted<T>(compare::in_double(output.cview()));
  if (Verdict v = same("output", run.output.cview(), rounded.cview()); !v) return v;
  output = compare::converted<float>(compare::in_double(rounded.cview()));
  Tensor<float> dq(c.query_shape()), dk(c.key_shape()), dv(c.value_shape());
  wide.backward(inputs, {output.view(), lse.view()}, *state, {output_gradient.view(), problem.lse_gradient.cview()},
                {dq.view(), dk.view(), dv.view()});
  if (Verdict v = same("dQ", run.query_gradient.cview(), compare::converted<T>(compare::in_double(dq.cview())).cview());
      !v)
    return v;
  if (Verdict v = same("dK", run.key_gradient.cview(), compare::converted<T>(compare::in_double(dk.cview())).cview());
      !v)
    return v;
  return same("dV", run.value_gradient.cview(), compare::converted<T>(compare::in_double(dv.cview())).cview());
}

template <class T>
std::vector<Property<T>> bitwise_properties() {
  return {{"a_second_run_gives_the_same_bits", a_second_run_gives_the_same_bits<T>},
          {"strided_and_contiguous_views_give_the_same_bits", layouts_give_the_same_bits<T>},
          {"a_head_has_the_same_bits_alone_and_anywhere_in_a_batch", a_head_does_not_depend_on_its_neighbours<T>}};
}

template std::vector<Property<float>> bitwise_properties();
template std::vector<Property<double>> bitwise_properties();
template Verdict same_results(Attention<float>&, Attention<float>&, const Case&);
template Verdict same_results(Attention<double>&, Attention<double>&, const Case&);
template Verdict same_results(Attention<half>&, Attention<half>&, const Case&);
template Verdict same_results(Attention<bfloat16>&, Attention<bfloat16>&, const Case&);
template Verdict rounds_the_float_results(Attention<half>&, Attention<float>&, const Case&);
template Verdict rounds_the_float_results(Attention<bfloat16>&, Attention<float>&, const Case&);

}  // namespace llsa::testing

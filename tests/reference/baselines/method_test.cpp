// What every method must do, and how the methods of spec section 8 that are LLSA with certain options relate to it.
#include "reference/attention.hpp"
#include "reference/baselines/method_problem.hpp"

namespace llsa::testing {
namespace {

ThreadPool one_thread(1), two_threads(2), three_threads(3);

/// A method gives the bits that LLSA gives with options written out here.
template <class SetOptions>
void equals_llsa(const std::string& method, SetOptions set_options) {
  check(method + " is LLSA with its options, bit for bit", [&] {
    const Case given = *cases();
    Case explicit_options = given;
    set_options(explicit_options.options);
    const auto attention = make_attention<double>(method, "reference", two_threads);
    const auto llsa = make_attention<double>("reference", two_threads);
    const Problem<double> a(given), b(explicit_options);
    require(same_run(run_both(*attention, a), run_both(*llsa, b)));
  });
}

void one_level(Options& options, int enrichment_levels, bool reweight) {
  options.levels = 1;
  options.enrichment_levels = enrichment_levels;
  options.reweight = reweight;
  options.top_k = {options.top_k.front()};
}

TEST(Methods, full_is_dense_attention) {
  equals_llsa("full", [](Options& options) {
    options.levels = 0;
    options.enrichment_levels = 0;
  });
}
TEST(Methods, topk_is_one_level_without_coarse_keys) {
  equals_llsa("topk", [](Options& options) { one_level(options, 0, true); });
}
TEST(Methods, topk_with_enrichment_is_one_level_with_coarse_keys_of_weight_one) {
  equals_llsa("topk+enrichment", [](Options& options) { one_level(options, 1, false); });
}
TEST(Methods, topk_with_enrichment_and_reweighting_is_one_level_of_llsa) {
  equals_llsa("topk+enrichment+reweighting", [](Options& options) { one_level(options, 1, true); });
}
TEST(Methods, llsa_keeps_the_options) {
  equals_llsa("llsa", [](Options&) {});
}
TEST(Methods, the_mask_based_backward_equals_the_index_transposed_one) {
  equals_llsa("llsa+mask-backward", [](Options&) {});
}

TEST(Methods, the_mask_based_backward_adds_long_lists_in_the_same_order) {
  // All scores tie, so every query selects the first blocks: their lists are cut into segments.
  const Case c{.query_tokens = 17600,
               .key_tokens = 200,
               .dim = 2,
               .value_dim = 2,
               .options = {.block_size = 16, .levels = 1, .top_k = {2}},
               .values = Values::constant};
  const Problem<double> problem(c);
  EXPECT_TRUE(same_run(run_both(*make_attention<double>("llsa+mask-backward", "reference", two_threads), problem),
                       run_both(*make_attention<double>("reference", two_threads), problem)));
}

TEST(Methods, topk_over_all_blocks_is_dense_attention) {
  check("topk with K >= the number of blocks equals full attention", [] {
    Case c = *cases();
    c.options.top_k = {1000};
    const Problem<double> problem(c);
    const auto topk = make_attention<double>("topk", "reference", two_threads);
    const compare::Problem<double> exact = problem.exact();
    auto dense = reference::dense_naive(exact.inputs(), problem.options.scale);
    auto gradients = reference::dense_naive_backward(exact.inputs(), problem.options.scale, exact.output_gradients());
    require(results_close(run_both(*topk, problem).results(),
                          {std::move(dense.output), std::move(dense.lse), std::move(gradients.query),
                           std::move(gradients.key), std::move(gradients.value)},
                          exact, strict_allowances<double>(exact)));
  });
}

/// Along random directions of Q, K, V and every further input, on a held selection.
void gradient_equals_central_differences(const std::string& method, Case c) {
  c.query_layout = c.key_layout = c.value_layout = Layout::contiguous;
  c.magnitude = std::min(c.magnitude, 1.0);
  if (c.values == Values::hot_key) c.values = Values::normal;
  MethodProblem<double> problem(method, c);
  const auto attention = make_attention<double>(method, "reference", two_threads);
  MethodRun<double> run(*attention, problem);
  const compare::Magnitudes magnitudes = compare::magnitudes_of(problem.problem.exact());
  const double largest = std::max({magnitudes.query_gradient, magnitudes.key_gradient, magnitudes.value_gradient, 1.0});
  std::vector<std::pair<StridedTensor<double>*, const StridedTensor<double>*>> parts{
      {&problem.problem.query, &run.run.query_gradient},
      {&problem.problem.key, &run.run.key_gradient},
      {&problem.problem.value, &run.run.value_gradient}};
  for (std::size_t i = 0; i < problem.extras.size(); ++i)
    parts.emplace_back(&problem.extras[i], &run.extra_gradients[i]);
  const auto loss = [&] {
    StridedTensor<double> output(c.output_shape(), c.output_layout), lse(c.lse_shape(), c.output_layout);
    attention->forward(problem.inputs(), problem.problem.parameters.options, {output.view(), lse.view()},
                       &run.run.selection());
    double sum = 0;
    const auto add = [&](const StridedTensor<double>& x, const StridedTensor<double>& gradient) {
      for_each_index(x.view().shape, [&](auto b, auto h, auto t, auto d) {
        sum += x.cview()(b, h, t, d) * gradient.cview()(b, h, t, d);
      });
    };
    add(output, problem.problem.output_gradient);
    add(lse, problem.problem.lse_gradient);
    return sum;
  };
  std::mt19937_64 random(c.seed);
  std::normal_distribution<double> normal;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    const auto [input, gradient] = parts[part];
    const Shape shape = input->view().shape;
    Tensor<double> direction(shape), original = compare::in_double(input->cview());
    double expected = 0;
    for (double& e : direction.flat()) e = normal(random);
    for_each_index(shape, [&](auto b, auto h, auto t, auto d) {
      expected += gradient->cview()(b, h, t, d) * direction(b, h, t, d);
    });
    const auto loss_at = [&](double distance) {
      for_each_index(shape, [&](auto b, auto h, auto t, auto d) {
        input->view()(b, h, t, d) = original(b, h, t, d) + distance * direction(b, h, t, d);
      });
      return loss();
    };
    constexpr double step = 1e-5;
    const double slope = (loss_at(step) - loss_at(-step)) / (2 * step);
    loss_at(0);
    const double scale = std::max(std::abs(expected), largest * std::sqrt(static_cast<double>(shape.size())));
    if (!(std::abs(slope - expected) <= 1e-6 * scale))
      RC_FAIL(method + ", input " + std::to_string(part) + ": the loss changes by " + std::to_string(slope) +
              ", the gradient says " + std::to_string(expected));
  }
}

TEST(Methods, gradients_of_every_input_of_every_method_equal_central_differences) {
  for (const std::string& method : method_names())
    check(method + ": gradients equal central differences",
          [&] { gradient_equals_central_differences(method, *cases({.tokens = 80, .dim = 6})); });
}

TEST(Methods, the_number_of_threads_and_a_second_run_change_no_bit) {
  for (const std::string& method : method_names())
    check(method + ": the same bits for any number of threads", [&] {
      const MethodProblem<float> problem(method, *cases());
      const auto alone = make_attention<float>(method, "reference", one_thread),
                 shared = make_attention<float>(method, "reference", three_threads);
      const MethodRun<float> one(*alone, problem), three(*shared, problem), again(*shared, problem);
      require(same_run(one, three));
      require(same_run(one, again));
      RC_ASSERT(one.run.gaps_are_untouched());
      for (const auto& gradient : one.extra_gradients) RC_ASSERT(gradient.gaps_are_untouched());
    });
}

TEST(Methods, a_head_does_not_depend_on_its_neighbours) {
  for (const std::string method : {"vsa", "sla"})
    check(method + ": a head has the same bits alone", [&] {
      Case c = *cases();
      c.batch = 2;
      const MethodProblem<double> problem(method, c);
      const auto attention = make_attention<double>(method, "reference", two_threads);
      MethodRun<double> together(*attention, problem);
      const auto last = [](auto view) {
        auto shape = view.shape;
        if (shape.batch == 1) return view;  // SLA's further inputs, which all heads share
        auto head = view.head(shape.batch - 1, shape.heads - 1);
        shape.batch = shape.heads = 1;
        return decltype(view){head.data, shape, view.strides};
      };
      const AttentionInputs<double> all = problem.inputs();
      AttentionInputs<double> inputs{last(all.query), last(all.key), last(all.value)};
      for (const auto& [name, view] : all.extras) inputs.extras.push_back({name, last(view)});
      const Problem<double>& p = problem.problem;
      Tensor<double> output(last(p.output_gradient.cview()).shape), lse(last(p.lse_gradient.cview()).shape);
      Tensor<double> dq(inputs.query.shape), dk(inputs.key.shape), dv(inputs.value.shape);
      const auto state = attention->forward(inputs, p.parameters.options, {output.view(), lse.view()});
      attention->backward(inputs, {output.view(), lse.view()}, *state,
                          {last(p.output_gradient.cview()), last(p.lse_gradient.cview())},
                          {dq.view(), dk.view(), dv.view()});
      const AttentionRun<double>& run = together.run;
      require(same("output", output.cview(), last(run.output.cview())));
      require(same("dQ", dq.cview(), last(run.query_gradient.cview())));
      require(same("dK", dk.cview(), last(run.key_gradient.cview())));
      require(same("dV", dv.cview(), last(run.value_gradient.cview())));
    });
}

TEST(Methods, names_options_and_further_inputs_are_as_documented) {
  EXPECT_EQ(method_names(),
            (std::vector<std::string>{"llsa", "full", "topk", "topk+enrichment", "topk+enrichment+reweighting", "vsa",
                                      "sla", "llsa+mask-backward"}));
  const std::string known =
      "it must be one of llsa, full, topk, topk+enrichment, topk+enrichment+reweighting, vsa, sla, llsa+mask-backward";
  expect_error("method is 'VSA'; " + known, [] { check_method("VSA"); });
  expect_error("method is ''; " + known, [] { method_options("", {}); });
  expect_error("method is 'top'; " + known, [] { method_extras("top", {}, {}); });
  expect_error("method is 'dense'; " + known, [] { make_attention<float>("dense", "reference", one_thread); });
  for (const std::string& backend : backend_names())
    if (backend == "cuda-on-cpu")
      expect_error("method 'llsa+mask-backward' runs on backend 'reference', not on 'cuda-on-cpu'",
                   [] { make_attention<float>("llsa+mask-backward", "cuda-on-cpu", one_thread); });

  const Options options{.block_size = 4, .levels = 3, .top_k = {5, 6, 7}, .coverage = Coverage::disjoint, .scale = 2.0};
  for (const char* method : {"topk", "vsa", "sla"}) {
    const Options o = method_options(method, options);
    EXPECT_EQ(o.levels, 1);
    EXPECT_EQ(o.enrichment_levels, 0);
    EXPECT_FALSE(o.reweight);
    EXPECT_EQ(o.top_k, (std::vector<std::int64_t>{5}));
    EXPECT_EQ(o.block_size, 4);
    EXPECT_EQ(o.coverage, Coverage::disjoint);
    EXPECT_EQ(o.scale, 2.0);
  }
  const Shape query{2, 3, 50, 8}, value{2, 3, 40, 5};
  const auto gates = method_extras("vsa", query, value), projection = method_extras("sla", query, value);
  ASSERT_TRUE(gates.size() == 2 && projection.size() == 2);
  EXPECT_TRUE(gates[0].name == "gate_sparse" && gates[1].name == "gate_coarse" && gates[0].absent == 1);
  EXPECT_TRUE(projection[0].name == "w_p" && projection[1].name == "b_p" && projection[0].absent == 0);
  for (const std::string& method : method_names()) {
    const auto attention = make_attention<float>(method, "reference", one_thread);
    EXPECT_TRUE(attention->extra_inputs(query, value) == method_extras(method, query, value)) << method;
  }
}

TEST(Methods, further_inputs_of_a_wrong_number_or_shape_fail_before_anything_is_written) {
  const Case c{.heads = 2,
               .query_tokens = 10,
               .key_tokens = 12,
               .dim = 4,
               .value_dim = 3,
               .options = {.block_size = 4, .levels = 1, .top_k = {2}}};
  const Problem<float> problem(c);
  const Tensor<float> wrong({1, 1, 3, 4});
  StridedTensor<float> output(c.output_shape(), Layout::contiguous), lse(c.lse_shape(), Layout::contiguous);
  const auto fails = [&](const char* method, NamedViews<const float> extras, const std::string& message) {
    AttentionInputs<float> inputs = problem.inputs();
    inputs.extras = std::move(extras);
    const auto attention = make_attention<float>(method, "reference", one_thread);
    expect_error(message, [&] { attention->forward(inputs, c.options, {output.view(), lse.view()}); });
    EXPECT_TRUE(output.is_untouched() && lse.is_untouched());
  };
  fails("llsa", {{"w_p", wrong.view()}}, "extra input 'w_p' is given; this method takes none");
  fails("topk", {{"gate_sparse", {}}}, "extra input 'gate_sparse' is given; this method takes none");
  fails("sla", {{"gate_sparse", wrong.view()}}, "extra input 'gate_sparse' is given; this method takes w_p, b_p");
  fails("sla", {{"b_p", {}}, {"b_p", {}}}, "extra input 'b_p' is given twice");
  fails("sla", {{"w_p", wrong.view()}}, "extra input 'w_p' has shape [1, 1, 3, 4]; it must be [1, 1, 3, 3]");
  fails("vsa", {{"gate_coarse", wrong.view()}},
        "extra input 'gate_coarse' has shape [1, 1, 3, 4]; it must be [1, 2, 10, 1]");

  const auto sla = make_attention<float>("sla", "reference", one_thread),
             vsa = make_attention<float>("vsa", "reference", one_thread);
  AttentionRun<float> run = run_both(*sla, problem);
  const auto backward_fails = [&](Attention<float>& attention, AttentionGradients<float> gradients,
                                  const std::string& message) {
    expect_error(message, [&] {
      attention.backward(problem.inputs(), run.outputs(), *run.state, problem.output_gradients(), gradients);
    });
  };
  AttentionGradients<float> gradients = run.gradients();
  Tensor<float> other({1, 1, 1, 4});
  gradients.extras = {{"b_p", other.view()}};
  backward_fails(*sla, gradients, "extra gradient 'b_p' has shape [1, 1, 1, 4]; it must be [1, 1, 1, 3]");
  backward_fails(*vsa, run.gradients(), "state was not made by this implementation's forward");
  Case longer = c;
  longer.key_tokens = 13;
  run.state = run_forward(*sla, Problem<float>(longer)).state;
  backward_fails(*sla, run.gradients(),
                 "key has shape [1, 2, 12, 4]; the state belongs to a forward pass where it had [1, 2, 13, 4]");
}

TEST(Methods, of_two_branches_refuse_longer_keys_in_backward) {
  const Case c{.heads = 2,
               .query_tokens = 10,
               .key_tokens = 12,
               .dim = 4,
               .value_dim = 3,
               .options = {.block_size = 4, .levels = 1, .top_k = {2}}};
  Case longer = c;
  longer.key_tokens = 16;
  const Problem<float> problem(c), other(longer);
  for (const char* method : {"vsa", "sla"}) {
    const auto attention = make_attention<float>(method, "reference", one_thread);
    AttentionRun<float> run = run_both(*attention, problem);
    StridedTensor<float> key(longer.key_shape(), Layout::contiguous), value(longer.value_shape(), Layout::contiguous);
    expect_error("key has shape [1, 2, 16, 4]; the state belongs to a forward pass where it had [1, 2, 12, 4]", [&] {
      attention->backward({problem.query.cview(), other.key.cview(), other.value.cview()}, run.outputs(), *run.state,
                          problem.output_gradients(), {run.query_gradient.view(), key.view(), value.view()});
    });
    EXPECT_TRUE(key.is_untouched() && value.is_untouched()) << method;
  }
}

}  // namespace
}  // namespace llsa::testing

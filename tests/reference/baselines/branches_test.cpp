// VSA and SLA (spec section 8) against their formulas, written out in double without tiles, chunks or sharing.
#include <cmath>

#include "reference/baselines/method_problem.hpp"

namespace llsa::testing {
namespace {

ThreadPool threads(2);

double largest(const Tensor<double>& x) {
  double most = 0;
  for (const double e : x.flat()) most = std::max(most, std::abs(e));
  return most;
}

/// The further inputs in double, and the sparse branch on the run's own selection.
struct Exact {
  template <class T>
  Exact(const MethodProblem<T>& p, const MethodRun<T>& run)
      : tensors(p.problem.exact()),
        sparse(reference::naive_forward(tensors.inputs(), run.run.selection(), p.problem.options)) {
    for (const auto& extra : p.extras) extras.push_back(compare::in_double(extra.cview()));
  }
  compare::Problem<double> tensors;
  reference::NaiveOutputs sparse;
  std::vector<Tensor<double>> extras;
};

Tensor<double> vsa_formula(const Exact& exact, const ResolvedOptions& options) {
  const auto query = reference::naive_pool(exact.tensors.query.view(), options.query),
             key = reference::naive_pool(exact.tensors.key.view(), options.key),
             value = reference::naive_pool(exact.tensors.value.view(), options.key);
  const auto coarse = reference::dense_naive({query[0].view(), key[0].view(), value[0].view()}, options.scale);
  Tensor<double> sum(exact.sparse.output.shape());
  for_each_index(sum.shape(), [&](auto b, auto h, auto t, auto d) {
    sum(b, h, t, d) = exact.extras[0](b, h, t, 0) * exact.sparse.output(b, h, t, d) +
                      exact.extras[1](b, h, t, 0) * coarse.output(b, h, t / options.block_size, d);
  });
  return sum;
}

std::vector<double> softmax_row(const Tensor<double>& x, std::int64_t b, std::int64_t h, std::int64_t t) {
  std::vector<double> row;
  double sum = 0, most = -INFINITY;
  for (std::int64_t d = 0; d < x.shape().dim; ++d) most = std::max(most, x(b, h, t, d));
  for (std::int64_t d = 0; d < x.shape().dim; ++d) sum += row.emplace_back(std::exp(x(b, h, t, d) - most));
  for (double& e : row) e /= sum;
  return row;
}

/// Linear attention as attention: the weight of key j for query i is <phi(q_i), phi(k_j)>. O(N^2).
Tensor<double> sla_formula(const Exact& exact) {
  const auto& [query, key, value] = std::tie(exact.tensors.query, exact.tensors.key, exact.tensors.value);
  Tensor<double> sum(exact.sparse.output.shape());
  const Shape s = sum.shape();
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t h = 0; h < s.heads; ++h)
      for (std::int64_t i = 0; i < s.tokens; ++i) {
        const std::vector<double> q = softmax_row(query, b, h, i);
        std::vector<double> linear(static_cast<std::size_t>(s.dim));
        double total = 1e-5;
        for (std::int64_t j = 0; j < key.shape().tokens; ++j) {
          const std::vector<double> k = softmax_row(key, b, h, j);
          double weight = 0;
          for (std::size_t d = 0; d < q.size(); ++d) weight += q[d] * k[d];
          total += weight;
          for (std::int64_t d = 0; d < s.dim; ++d) linear[static_cast<std::size_t>(d)] += weight * value(b, h, j, d);
        }
        for (std::int64_t d = 0; d < s.dim; ++d) {
          sum(b, h, i, d) = exact.sparse.output(b, h, i, d) + exact.extras[1](0, 0, 0, d);
          for (std::int64_t e = 0; e < s.dim; ++e)
            sum(b, h, i, d) += exact.extras[0](0, 0, d, e) * linear[static_cast<std::size_t>(e)] / total;
        }
      }
  return sum;
}

template <class T>
Verdict follows_its_formula(const std::string& method, const Case& c, const char* backend = "reference") {
  const MethodProblem<T> problem(method, c);
  const MethodRun<T> run(*make_attention<T>(method, backend, threads), problem);
  const Exact exact(problem, run);
  const compare::Allowances allowed = [&] {
    if constexpr (sizeof(T) >= sizeof(float))
      return strict_allowances<T>(exact.tensors);
    else {
      // VSA's second branch attends among means, which a half type rounds: scores of coarse keys, granted as such.
      compare::Problem<double> granted = exact.tensors;
      if (method == "vsa") granted.options.enrichment_levels = 1;
      return compare::derived_allowances(
          granted, dtype_of<T>(),
          compare::dense_errors(*make_attention<T>(backend, threads), exact.tensors, true, threads));
    }
  }();
  const Tensor<double> expected = method == "vsa" ? vsa_formula(exact, problem.problem.options) : sla_formula(exact);
  const double magnitude =
      compare::magnitudes_of(exact.tensors).output * (1 + largest(exact.extras[0]) * static_cast<double>(c.value_dim)) +
      largest(exact.extras[1]);
  if (Verdict v = close("output", compare::in_double(run.run.output.cview()), expected, times(4, allowed.output),
                        {.floor = magnitude});
      !v)
    return v;
  return close("lse", compare::in_double(run.run.lse.cview()), exact.sparse.lse, allowed.lse, {.absolute = true});
}

template <class T>
void follows_its_formula(const std::string& method) {
  check(method + " follows its formula", [&] {
    const Case c = *cases({.tokens = 150, .dim = 10});
    classify(c);
    require(follows_its_formula<T>(method, c));
  });
}

TEST(Vsa, is_its_formula_in_double) { follows_its_formula<double>("vsa"); }
TEST(Vsa, is_its_formula_in_float) { follows_its_formula<float>("vsa"); }
TEST(Vsa, is_its_formula_in_half) { follows_its_formula<half>("vsa"); }
TEST(Sla, is_its_formula_in_double) { follows_its_formula<double>("sla"); }
TEST(Sla, is_its_formula_in_float) { follows_its_formula<float>("sla"); }
TEST(Sla, is_its_formula_in_bfloat16) { follows_its_formula<bfloat16>("sla"); }

TEST(Branches, stand_on_the_cuda_kernels_as_on_the_reference) {
  const std::vector<std::string> backends = backend_names();
  if (std::find(backends.begin(), backends.end(), "cuda-on-cpu") == backends.end()) GTEST_SKIP() << "not in this build";
  const Case c{.heads = 2,
               .query_tokens = 37,
               .key_tokens = 45,
               .dim = 8,
               .value_dim = 5,
               .options = {.block_size = 8, .levels = 1, .top_k = {2}}};
  for (const char* method : {"vsa", "sla"}) EXPECT_TRUE(follows_its_formula<float>(method, c, "cuda-on-cpu"));
}

TEST(Sla, sums_many_chunks_of_tokens_in_their_order) {
  const Case c{.heads = 2,
               .query_tokens = 700,
               .key_tokens = 600,
               .dim = 5,
               .value_dim = 3,
               .options = {.block_size = 16, .levels = 1, .top_k = {3}}};
  EXPECT_TRUE(follows_its_formula<double>("sla", c));
  const MethodProblem<double> problem("sla", c);
  ThreadPool one(1), four(4);
  EXPECT_TRUE(same_run(MethodRun<double>(*make_attention<double>("sla", "reference", one), problem),
                       MethodRun<double>(*make_attention<double>("sla", "reference", four), problem)));
}

TEST(Vsa, coarse_branch_over_blocks_of_equal_tokens_is_dense_attention) {
  check("with full blocks of equal tokens the coarse branch alone is dense attention", [] {
    Case c = *cases({.tokens = 60, .dim = 8});
    c.query_tokens *= c.options.block_size;  // no ragged block: all pooled tokens stand for equally many
    c.key_tokens *= c.options.block_size;
    MethodProblem<double> p("vsa", c);
    const std::int64_t block = c.options.block_size;
    for (StridedTensor<double>* tensor : {&p.problem.query, &p.problem.key, &p.problem.value})
      for_each_index(tensor->view().shape, [&](auto b, auto h, auto t, auto d) {
        tensor->view()(b, h, t, d) = tensor->view()(b, h, t / block * block, d);
      });
    for_each_index(p.extras[0].view().shape, [&](auto b, auto h, auto t, auto d) {
      p.extras[0].view()(b, h, t, d) = 0;
      p.extras[1].view()(b, h, t, d) = 1;
    });
    const MethodRun<double> run(*make_attention<double>("vsa", "reference", threads), p);
    const compare::Problem<double> exact = p.problem.exact();
    const auto dense = reference::dense_naive(exact.inputs(), p.problem.options.scale);
    require(close("output", compare::in_double(run.run.output.cview()), dense.output,
                  strict_allowances<double>(exact).output, {.floor = compare::magnitudes_of(exact).output}));
  });
}

TEST(Vsa, gates_left_out_count_as_one) {
  check("no gates are gates of one", [] {
    const Case c = *cases();
    MethodProblem<double> ones("vsa", c);
    for (auto& gate : ones.extras)
      for_each_index(gate.view().shape, [&](auto b, auto h, auto t, auto d) { gate.view()(b, h, t, d) = 1; });
    const auto attention = make_attention<double>("vsa", "reference", threads);
    require(same_run(run_both(*attention, ones.problem), MethodRun<double>(*attention, ones).run));
  });
}

/// x + 0 is x bit for bit, but for -0 + 0.
AttentionRun<float> without_minus_zeros(AttentionRun<float> run) {
  for (auto* tensor : {&run.output, &run.query_gradient, &run.key_gradient, &run.value_gradient})
    for_each_index(tensor->view().shape, [&](auto b, auto h, auto t, auto d) {
      if (tensor->view()(b, h, t, d) == 0) tensor->view()(b, h, t, d) = 0;
    });
  return run;
}

TEST(Sla, with_no_or_a_zero_projection_is_topk_bit_for_bit) {
  check("SLA with zero projection equals top-K", [] {
    const Case c = *cases();
    MethodProblem<float> zero("sla", c);
    for (auto& extra : zero.extras)
      for_each_index(extra.view().shape, [&](auto b, auto h, auto t, auto d) { extra.view()(b, h, t, d) = 0; });
    const auto sla = make_attention<float>("sla", "reference", threads),
               topk = make_attention<float>("topk", "reference", threads);
    require(same_run(run_both(*sla, zero.problem), run_both(*topk, zero.problem)));
    require(same_run(without_minus_zeros(std::move(MethodRun<float>(*sla, zero).run)),
                     without_minus_zeros(run_both(*topk, zero.problem))));
  });
}

TEST(Sla, gradients_of_an_absent_projection_are_those_at_zero) {
  const Case c{.heads = 2,
               .query_tokens = 30,
               .key_tokens = 40,
               .dim = 4,
               .value_dim = 3,
               .options = {.block_size = 4, .levels = 1, .top_k = {3}}};
  MethodProblem<double> zero("sla", c);
  for (auto& extra : zero.extras)
    for_each_index(extra.view().shape, [&](auto b, auto h, auto t, auto d) { extra.view()(b, h, t, d) = 0; });
  const auto attention = make_attention<double>("sla", "reference", threads);
  const MethodRun<double> given(*attention, zero);
  AttentionRun<double> run = run_forward(*attention, zero.problem);
  Tensor<double> dq(c.query_shape()), dk(c.key_shape()), dv(c.value_shape()), dw({1, 1, 3, 3}), db({1, 1, 1, 3});
  attention->backward(zero.problem.inputs(), run.outputs(), *run.state, zero.problem.output_gradients(),
                      {dq.view(), dk.view(), dv.view(), {{"w_p", dw.view()}, {"b_p", db.view()}}});
  EXPECT_TRUE(same("w_p", dw.cview(), given.extra_gradients[0].cview()));
  EXPECT_TRUE(same("b_p", db.cview(), given.extra_gradients[1].cview()));
  EXPECT_GT(largest(dw), 0);
}

}  // namespace
}  // namespace llsa::testing

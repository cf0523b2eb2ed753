// The stages called one at a time, as the comparator and the viewer do.
#include <limits>
#include <random>

#include "reference/attend.hpp"
#include "reference/attend_backward.hpp"
#include "reference/attention.hpp"
#include "reference/dense.hpp"
#include "reference/select.hpp"
#include "support/check.hpp"
#include "support/problem.hpp"
#include "support/selections.hpp"

namespace llsa::testing {
namespace {

ThreadPool threads(2);

template <class T>
void pools_means(const char* sentence, double tolerance) {
  check(sentence, [&] {
    const Case c = *cases({.tokens = 700, .batch = 3, .heads = 3, .dim = 20});
    const Problem<T> problem(c);
    const Tensor<double> exact = compare::in_double(problem.key.cview());
    const auto pyramid = reference::pool(problem.key.cview(), problem.options.key, threads);
    const auto expected = reference::naive_pool(exact.view(), problem.options.key);
    RC_ASSERT(pyramid.levels() == problem.options.levels);
    double most = 0;
    for (const double x : exact.flat()) most = std::max(most, std::abs(x));
    for (int l = 1; l <= pyramid.levels(); ++l) {
      const auto& level = pyramid.coarse[static_cast<std::size_t>(l - 1)];
      require(close("level " + std::to_string(l), compare::in_double(level.cview()),
                    expected[static_cast<std::size_t>(l - 1)], tolerance, most));
    }
  });
}

TEST(Pool, equals_the_mean_of_the_fine_tokens_at_every_level) {
  pools_means<double>("double pooling", 1e-15);
  pools_means<float>("float pooling", 1e-7);
  pools_means<half>("half pooling", 1e-7);
  pools_means<bfloat16>("bfloat16 pooling", 1e-7);
}

TEST(Pool, of_many_equal_half_numbers_loses_nothing) {
  Tensor<half> x({1, 1, 5000, 1}, half(0.1f));
  const auto pyramid = reference::pool(x.cview(), Hierarchy(5000, 5000, 1), threads);
  EXPECT_FLOAT_EQ(pyramid.coarse[0](0, 0, 0, 0), static_cast<float>(half(0.1f)));
}

TEST(Pool, a_nan_reaches_its_ancestors_only) {
  Tensor<float> x({1, 2, 50, 3}, 1.0f);
  x(0, 1, 17, 2) = std::numeric_limits<float>::quiet_NaN();
  const auto pyramid = reference::pool(x.cview(), Hierarchy(50, 4, 2), threads);
  for (int l = 1; l <= 2; ++l)
    for_each_index(pyramid.coarse[static_cast<std::size_t>(l - 1)].shape(), [&](auto b, auto h, auto t, auto d) {
      const bool expected = h == 1 && d == 2 && t == (l == 1 ? 4 : 1);
      EXPECT_EQ(std::isnan(pyramid.coarse[static_cast<std::size_t>(l - 1)](b, h, t, d)), expected);
    });
}

/// Levels whose vectors have nothing to do with each other, with ties and, one number in `rarity`, non-finite numbers.
template <class C>
Verdict selects_like_brute_force(const Case& c, std::uint64_t rarity) {
  const ResolvedOptions options = c.resolved();
  std::mt19937_64 random(c.seed);
  const double specials[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                             -std::numeric_limits<double>::infinity()};
  const auto draw = [&](const Hierarchy& hierarchy) {
    std::pair<reference::Pyramid<C>, std::vector<Tensor<double>>> levels;
    for (int l = 1; l <= options.levels; ++l) {
      Tensor<double> exact({c.batch, c.heads, hierarchy.length(l), c.dim});
      for (double& x : exact.flat())
        x = random() % rarity == 0 ? specials[random() % 3] : static_cast<double>(random() % 5) - 2;
      levels.first.coarse.push_back(compare::converted<C>(exact));
      levels.second.push_back(std::move(exact));
    }
    return levels;
  };
  const auto query = draw(options.query), key = draw(options.key);
  const Selection expected = reference::naive_select(query.second, key.second, options);
  const Selection actual = reference::select(query.first, key.first, options, threads);
  if (Verdict v = same("selection", actual, expected); !v) return v;
  for (int l = 1; l <= options.levels; ++l)
    if (actual.level(l).indices != expected.level(l).indices)
      return ::testing::AssertionFailure() << "level " << l << ": the padding differs";
  return ::testing::AssertionSuccess();
}

TEST(Select, equals_brute_force_on_levels_full_of_ties_nans_and_infinities) {
  check("selection equals brute force", [] {
    Case c = *cases();
    if (*rc::gen::inRange(0, 3) == 2) {  // a long list from many candidates
      c.options.block_size = 2;
      c.options.top_k = {*rc::gen::inRange<std::int64_t>(50, 100)};
      c.options.levels = 1 + static_cast<int>(c.seed % 2);
      c.options.enrichment_levels = 0;
      c.key_tokens = *rc::gen::inRange<std::int64_t>(200, 700);
    }
    const auto rarity = *rc::gen::element<std::uint64_t>(4, 20, 1000000);
    require(selects_like_brute_force<float>(c, rarity));
    require(selects_like_brute_force<double>(c, rarity));
  });
}

TEST(Select, equals_brute_force_for_more_siblings_than_a_tile_holds) {
  Case c;
  c.heads = 2;
  c.dim = 5;
  c.query_tokens = 70 * 70 * 2 + 80 * 70;
  c.key_tokens = 70 * 70 * 3;
  c.options = {.block_size = 70, .levels = 2, .top_k = {5, 2}};
  EXPECT_TRUE(selects_like_brute_force<float>(c, 30));
  EXPECT_TRUE(selects_like_brute_force<double>(c, 30));
}

TEST(Select, keeps_the_first_of_many_equal_candidates_beyond_one_chunk) {
  const Case c{.query_tokens = 5, .key_tokens = 3000, .options = {.block_size = 2, .levels = 1, .top_k = {700}}};
  const Tensor<float> ones({1, 1, 3, 1}, 1.0f), many({1, 1, 1500, 1}, 1.0f);
  const Selection selection = reference::select<float>({{ones}}, {{many}}, c.resolved(), threads);
  for (std::int64_t t = 0; t < 3; ++t)
    for (std::int32_t i = 0; i < 700; ++i) ASSERT_EQ(selection.list(1, 0, t)[static_cast<std::size_t>(i)], i);
}

TEST(Attend, on_the_stages_results_is_what_forward_computes) {
  check("the stages give what forward gives", [] {
    const Case c = *cases();
    const Problem<float> problem(c);
    reference::ReferenceAttention<float> attention(threads);
    const AttentionRun<float> whole = run_both(attention, problem);
    const AttentionInputs<float> inputs = problem.inputs();
    const auto query = reference::pool(inputs.query, problem.options.query, threads);
    const auto key = reference::pool(inputs.key, problem.options.key, threads);
    const auto value = reference::pool(inputs.value, problem.options.key, threads);
    const Selection selection = reference::select(query, key, problem.options, threads);
    require(same("selection", selection, whole.selection()));
    AttentionRun<float> staged;
    staged.output = StridedTensor<float>(c.output_shape(), c.output_layout);
    staged.lse = StridedTensor<float>(c.lse_shape(), c.output_layout);
    const reference::AttendProblem<float> stage{inputs.query, inputs.key, inputs.value,   key,
                                                value,        selection,  problem.options};
    reference::attend<float>({stage, staged.output.view(), staged.lse.view()}, threads);
    require(same("output", staged.output.cview(), whole.output.cview()));
    require(same("lse", staged.lse.cview(), whole.lse.cview()));
    staged.query_gradient = StridedTensor<float>(c.query_shape(), c.output_layout);
    staged.key_gradient = StridedTensor<float>(c.key_shape(), c.output_layout);
    staged.value_gradient = StridedTensor<float>(c.value_shape(), c.output_layout);
    reference::attend_backward<float>({.problem = stage,
                                       .output = staged.output.cview(),
                                       .lse = staged.lse.cview(),
                                       .output_gradient = problem.output_gradient.cview(),
                                       .lse_gradient = problem.lse_gradient.cview(),
                                       .query_gradient = staged.query_gradient.view(),
                                       .key_gradient = staged.key_gradient.view(),
                                       .value_gradient = staged.value_gradient.view()},
                                      threads);
    require(same("dQ", staged.query_gradient.cview(), whole.query_gradient.cview()));
    require(same("dK", staged.key_gradient.cview(), whole.key_gradient.cview()));
    require(same("dV", staged.value_gradient.cview(), whole.value_gradient.cview()));
  });
}

TEST(DenseTiled, equals_the_naive_formula) {
  check("tiled dense attention equals the formula", [] {
    Case c = *cases();
    c.options = {.levels = 0, .scale = c.options.scale};
    const Problem<float> problem(c);
    const compare::Problem<double> exact = problem.exact();
    AttentionRun<float> run;
    run.output = StridedTensor<float>(c.output_shape(), c.output_layout);
    run.lse = StridedTensor<float>(c.lse_shape(), c.output_layout);
    reference::dense_tiled(problem.inputs(), problem.options.scale, run.outputs(), threads);
    auto expected = reference::dense_naive(exact.inputs(), problem.options.scale);
    require(results_close({run.exact_output(), run.exact_lse(), {}, {}, {}},
                          {std::move(expected.output), std::move(expected.lse), {}, {}, {}}, exact,
                          strict_allowances<float>(exact)));
  });
}

/// The parts add up to the gradient; a coarse part is the same for all fine tokens under one coarse token; the fine
/// part is zero where no query selected the block.
TEST(AttendBackwardParts, split_the_gradient_by_level) {
  check("gradient parts", [] {
    const Case c = *cases();
    const Problem<double> problem(c);
    const compare::Problem<double> exact = problem.exact();
    reference::ReferenceAttention<double> attention(threads);
    AttentionRun<double> run = run_both(attention, problem);
    const Hierarchy& hierarchy = problem.options.key;
    const auto key = reference::pool(problem.key.cview(), hierarchy, threads);
    const auto value = reference::pool(problem.value.cview(), hierarchy, threads);
    const auto parts =
        reference::attend_backward_parts({.problem = {problem.query.cview(), problem.key.cview(), problem.value.cview(),
                                                      key, value, run.selection(), problem.options},
                                          .output = run.output.cview(),
                                          .lse = run.lse.cview(),
                                          .output_gradient = problem.output_gradient.cview(),
                                          .lse_gradient = problem.lse_gradient.cview(),
                                          .query_gradient = {},
                                          .key_gradient = {},
                                          .value_gradient = {}},
                                         threads);
    const auto levels = static_cast<std::size_t>(problem.options.enrichment_levels) + 1;
    RC_ASSERT(parts.key.size() == levels);
    RC_ASSERT(parts.value.size() == levels);
    const compare::Magnitudes magnitudes = compare::magnitudes_of(exact);
    const compare::Tolerance tolerance = strict_allowances<double>(exact).key_gradient;
    const auto check_parts = [&](const std::vector<Tensor<double>>& split, const StridedTensor<double>& whole,
                                 double magnitude) {
      Tensor<double> sum = split[0];
      for (std::size_t l = 1; l < split.size(); ++l)
        for_each_index(sum.shape(), [&](auto b, auto h, auto t, auto d) {
          sum(b, h, t, d) += split[l](b, h, t, d);
          const std::int64_t first =
              hierarchy.fine(static_cast<int>(l), hierarchy.ancestor(static_cast<int>(l), t)).begin;
          RC_ASSERT(same_bits(split[l](b, h, t, d), split[l](b, h, first, d)));
        });
      require(close("sum of parts", sum, compare::in_double(whole.cview()), tolerance, {.floor = magnitude}));
      if (problem.options.levels == 0) return;
      for_each_index(sum.shape(), [&](auto b, auto h, auto t, auto d) {
        bool selected = false;
        const LevelSelection& lists = run.selection().level(1);
        for (std::int64_t query = 0; query < lists.queries && !selected; ++query)
          selected = std::ranges::count(lists.list(b * c.heads + h, query), hierarchy.ancestor(1, t)) > 0;
        if (!selected) RC_ASSERT(split[0](b, h, t, d) == 0.0);
      });
    };
    check_parts(parts.key, run.key_gradient, magnitudes.key_gradient);
    check_parts(parts.value, run.value_gradient, magnitudes.value_gradient);
  });
}

}  // namespace
}  // namespace llsa::testing

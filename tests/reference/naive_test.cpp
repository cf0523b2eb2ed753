// The oracle itself: against numbers worked out by hand, and against differences of its own outputs.
#include "reference/naive.hpp"

#include <cmath>
#include <limits>

#include "support/check.hpp"
#include "support/problem.hpp"
#include "support/selections.hpp"

namespace llsa::testing {
namespace {

using reference::AttendedKey;
using reference::naive_row;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(NaiveRow, is_the_formula_on_a_worked_example) {
  const auto row = naive_row({2}, {{{0}, {10, 1}, 1}, {{std::log(3)}, {20, 5}, 1}}, 0.5);  // exp(s) = 1 and 3
  EXPECT_NEAR(row.lse, std::log(4), 1e-15);
  EXPECT_NEAR(row.output[0], (10 + 3 * 20) / 4.0, 1e-14);
  EXPECT_NEAR(row.output[1], (1 + 3 * 5) / 4.0, 1e-14);
  const auto weighted = naive_row({2}, {{{0}, {10}, 5}, {{std::log(3)}, {20}, 1}}, 0.5);
  EXPECT_NEAR(weighted.lse, std::log(8), 1e-15);
  EXPECT_NEAR(weighted.output[0], (5 * 10 + 3 * 20) / 8.0, 1e-14);
}

TEST(NaiveRow, huge_scores_do_not_overflow) {
  const auto row = naive_row({1}, {{{1e6}, {1}, 1}, {{1e6 - 1}, {2}, 1}, {{-1e6}, {3}, 1}}, 1);
  EXPECT_NEAR(row.lse, 1e6 + std::log1p(std::exp(-1)), 1e-9);
  EXPECT_NEAR(row.output[0], (1 + 2 * std::exp(-1)) / (1 + std::exp(-1)), 1e-9);
}

TEST(NaiveRow, keeps_the_conventions_for_non_finite_scores) {
  const auto row = [](std::vector<double> keys) {
    std::vector<reference::WeightedKey> set;
    for (const double k : keys) set.push_back({{k}, {7}, 1});
    return naive_row({1}, set, 1);
  };
  EXPECT_TRUE(std::isnan(row({0, nan}).lse) && std::isnan(row({0, nan}).output[0]));
  EXPECT_TRUE(std::isnan(row({nan}).lse) && std::isnan(row({nan, nan}).output[0]));
  EXPECT_TRUE(std::isnan(row({0, infinity}).lse) && std::isnan(row({0, infinity}).output[0]));
  EXPECT_EQ(row({0, -infinity}).lse, 0);
  EXPECT_EQ(row({0, -infinity}).output[0], 7);
  EXPECT_EQ(row({-infinity, -infinity}).lse, -infinity);
  EXPECT_TRUE(std::isnan(row({-infinity, -infinity}).output[0]));
}

Tensor<double> column(const std::vector<double>& values) {
  Tensor<double> x({1, 1, static_cast<std::int64_t>(values.size()), 1});
  std::ranges::copy(values, x.data());
  return x;
}

std::vector<double> numbers(const Tensor<double>& x) { return {x.flat().begin(), x.flat().end()}; }

/// 5 tokens, B = 2: level 1 has counts 2, 2, 1; level 2 has counts 4, 1.
ResolvedOptions five_tokens(Options options) {
  options.block_size = 2;
  options.levels = 2;
  return resolve(options, {1, 1, 5, 1}, {1, 1, 5, 1}, {1, 1, 5, 1});
}

TEST(NaivePool, takes_the_mean_of_the_fine_tokens_also_at_the_ragged_tail) {
  const auto levels = reference::naive_pool(column({1, 3, 5, 7, 100}).view(), Hierarchy(5, 2, 3));
  ASSERT_EQ(levels.size(), 3u);
  EXPECT_EQ(numbers(levels[0]), (std::vector<double>{2, 6, 100}));
  EXPECT_EQ(numbers(levels[1]), (std::vector<double>{4, 100}));
  EXPECT_EQ(numbers(levels[2]), (std::vector<double>{116.0 / 5}));  // not the mean of 4 and 100
}

TEST(NaiveSelect, ranks_by_score_then_index_with_nan_last_among_the_children_of_the_parents) {
  const auto options = five_tokens({.top_k = {2, 1}});
  const std::vector<Tensor<double>> query{column({1, 1, -1}), column({1, 1})};
  Selection s = reference::naive_select(query, {column({3, 3, 9}), column({5, 4})}, options);
  EXPECT_EQ(s.level(2).indices, (std::vector<std::int32_t>{0, 0}));
  EXPECT_EQ(s.level(1).indices, (std::vector<std::int32_t>{0, 1, 0, 1, 0, 1}));  // 2 is nobody's candidate
  s = reference::naive_select(query, {column({3, nan, 9}), column({nan, -infinity})}, options);
  EXPECT_EQ(s.level(2).indices, (std::vector<std::int32_t>{1, 1}));
  EXPECT_EQ(s.level(1).indices, (std::vector<std::int32_t>{2, -1, 2, -1, 2, -1}));
  s = reference::naive_select(query, {column({nan, 2, 9}), column({0, 0})}, options);
  EXPECT_EQ(s.level(1).indices, (std::vector<std::int32_t>{1, 0, 1, 0, 1, 0}));
}

std::vector<std::array<double, 3>> key_set(Options options, std::int64_t i) {
  const auto resolved = five_tokens(std::move(options));
  Selection selection(1, resolved);
  selection.level(2).indices = {0, 1};     // queries 0-3 refine level-2 token 0, query 4 refines token 1
  selection.level(1).indices = {1, 0, 2};  // and of their children one each
  std::vector<std::array<double, 3>> set;
  for (const AttendedKey& ref : reference::naive_key_set(selection, resolved, 0, i))
    set.push_back({static_cast<double>(ref.level), static_cast<double>(ref.token), ref.weight});
  return set;
}

TEST(NaiveKeySet, is_the_definition_on_a_worked_example) {
  using Set = std::vector<std::array<double, 3>>;
  const Options one{.top_k = {1}};
  EXPECT_EQ(key_set(one, 0), (Set{{0, 2, 1}, {0, 3, 1}, {1, 0, 2}, {1, 1, 2}, {2, 0, 4}, {2, 1, 1}}));
  EXPECT_EQ(key_set(one, 3), (Set{{0, 0, 1}, {0, 1, 1}, {1, 0, 2}, {1, 1, 2}, {2, 0, 4}, {2, 1, 1}}));
  EXPECT_EQ(key_set(one, 4), (Set{{0, 4, 1}, {1, 2, 1}, {2, 0, 4}, {2, 1, 1}}));
  EXPECT_EQ(key_set({.top_k = {1}, .enrichment_levels = 1}, 1), (Set{{0, 2, 1}, {0, 3, 1}, {1, 0, 2}, {1, 1, 2}}));
  EXPECT_EQ(key_set({.top_k = {1}, .enrichment_levels = 0}, 1), (Set{{0, 2, 1}, {0, 3, 1}}));
  EXPECT_EQ(key_set({.top_k = {1}, .reweight = false}, 4), (Set{{0, 4, 1}, {1, 2, 1}, {2, 0, 1}, {2, 1, 1}}));
  EXPECT_EQ(key_set({.top_k = {1}, .coverage = Coverage::disjoint}, 0),
            (Set{{0, 2, 1}, {0, 3, 1}, {1, 0, 2}, {2, 1, 1}}));
  EXPECT_EQ(key_set({.top_k = {1}, .coverage = Coverage::disjoint}, 4), (Set{{0, 4, 1}, {2, 0, 4}}));
}

TEST(NaiveKeySet, disjoint_counts_sum_to_the_number_of_keys) {
  check("disjoint counts sum to Nk", [] {
    Case c = *cases();
    c.options.coverage = Coverage::disjoint;
    c.options.enrichment_levels = std::nullopt;
    c.options.reweight = true;
    const ResolvedOptions options = c.resolved();
    const Selection selection = random_selection(options, 1, c.seed);
    for (std::int64_t i = 0; i < c.query_tokens; i += 7) {
      double sum = 0;
      for (const AttendedKey& ref : reference::naive_key_set(selection, options, 0, i)) sum += ref.weight;
      RC_ASSERT(sum == static_cast<double>(c.key_tokens));
    }
  });
}

/// Every element of every input moved by a small step, against the gradient.
template <class Forward>
void expect_differences(Problem<double>& problem, const reference::NaiveGradients& gradients, const Forward& forward) {
  const auto loss = [&] {
    const compare::Problem<double> exact = problem.exact();
    const reference::NaiveOutputs outputs = forward(exact);
    double sum = 0;
    for (std::size_t i = 0; i < outputs.output.flat().size(); ++i)
      sum += outputs.output.flat()[i] * exact.output_gradient.flat()[i];
    for (std::size_t i = 0; i < outputs.lse.flat().size(); ++i)
      sum += outputs.lse.flat()[i] * exact.lse_gradient.flat()[i];
    return sum;
  };
  constexpr double step = 1e-5;
  for (const auto& [input, gradient] :
       {std::pair{&problem.query, &gradients.query}, std::pair{&problem.key, &gradients.key},
        std::pair{&problem.value, &gradients.value}})
    for_each_index(gradient->shape(), [&, input_ = input, gradient_ = gradient](auto b, auto h, auto t, auto d) {
      double& x = input_->view()(b, h, t, d);
      const double before = x;
      x = before + step;
      const double up = loss();
      x = before - step;
      const double down = loss();
      x = before;
      RC_ASSERT(std::abs((up - down) / (2 * step) - (*gradient_)(b, h, t, d)) <=
                1e-7 * (1 + std::abs((*gradient_)(b, h, t, d))));
    });
}

Case small_case() {
  Case c = *cases({.tokens = 14, .batch = 1, .heads = 2, .dim = 3});
  c.values = Values::normal;
  c.magnitude = 1;
  c.query_layout = c.key_layout = c.value_layout = Layout::contiguous;
  return c;
}

TEST(NaiveBackward, equals_central_differences_of_its_forward_in_every_element) {
  check("naive gradients equal central differences", [] {
    Problem<double> problem(small_case());
    const compare::Problem<double> exact = problem.exact();
    const Selection selection =
        random_selection(problem.options, problem.parameters.batch * problem.parameters.heads, problem.parameters.seed);
    expect_differences(problem,
                       reference::naive_backward(exact.inputs(), selection, problem.options, exact.output_gradients()),
                       [&](const compare::Problem<double>& e) {
                         return reference::naive_forward(e.inputs(), selection, problem.options);
                       });
  });
}

TEST(DenseNaiveBackward, equals_central_differences_of_its_forward_in_every_element) {
  check("dense gradients equal central differences", [] {
    Problem<double> problem(small_case());
    const compare::Problem<double> exact = problem.exact();
    expect_differences(problem, reference::dense_naive_backward(exact.inputs(), 0.7, exact.output_gradients()),
                       [](const compare::Problem<double>& e) { return reference::dense_naive(e.inputs(), 0.7); });
  });
}

TEST(Naive, without_levels_is_dense_attention) {
  check("naive attention without levels is dense", [] {
    Case c = small_case();
    c.options.levels = 0;
    c.options.enrichment_levels = std::nullopt;
    const Problem<double> problem(c);
    const compare::Problem<double> exact = problem.exact();
    const auto one = reference::naive_forward(exact.inputs(), {}, problem.options);
    const auto other = reference::dense_naive(exact.inputs(), problem.options.scale);
    require(same("output", one.output.cview(), other.output.cview()));
    require(same("lse", one.lse.cview(), other.lse.cview()));
    const auto one_gradient = reference::naive_backward(exact.inputs(), {}, problem.options, exact.output_gradients());
    const auto other_gradient =
        reference::dense_naive_backward(exact.inputs(), problem.options.scale, exact.output_gradients());
    require(close("dK", one_gradient.key, other_gradient.key, 1e-14, 1));
    require(close("dV", one_gradient.value, other_gradient.value, 1e-14, 1));
    require(close("dQ", one_gradient.query, other_gradient.query, 1e-14, 1));
  });
}

}  // namespace
}  // namespace llsa::testing

#include "viewer/model/query_view.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "reference/attend.hpp"
#include "reference/dense.hpp"
#include "reference/naive.hpp"
#include "small_problem.hpp"

namespace llsa::viewer {
namespace {

std::int64_t any_position(const SmallProblem& p) { return *rc::gen::inRange<std::int64_t>(0, p.query_grid.size()); }

double sum(const std::vector<float>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

RC_GTEST_PROP(QueryView, selected_tokens_are_the_selections_lists_in_order, ()) {
  const auto p = *small_problems();
  const auto head = select(p);
  const QueryView view = view_query(head, any_position(p));
  RC_ASSERT(static_cast<int>(view.levels.size()) == head->levels());
  for (int l = 1; l <= head->levels(); ++l) {
    const LevelView& level = view.level(l);
    RC_ASSERT(level.query_token == view.position / head->options.query.span(l));
    const auto list = head->selection.list(l, 0, level.query_token);
    RC_ASSERT(level.selected == static_cast<std::int64_t>(list.size()));
    std::vector<std::int32_t> all, expected;
    for (std::size_t rank = 0; rank < level.candidates.size(); ++rank) {
      const Candidate& c = level.candidates[rank];
      all.push_back(c.token);
      RC_ASSERT(c.rank == (rank < list.size() ? static_cast<int>(rank) : -1));
      if (rank < list.size()) RC_ASSERT(c.token == list[rank]);
    }
    candidates(head->selection, head->options, l, 0, level.query_token, expected);
    std::ranges::sort(all);
    std::ranges::sort(expected);
    RC_ASSERT(all == expected);
  }
}

RC_GTEST_PROP(QueryView, scores_are_dot_products_of_pooled_tokens, ()) {
  const auto p = *small_problems();
  const auto head = select(p);
  const QueryView view = view_query(head, any_position(p));
  for (int l = 1; l <= head->levels(); ++l) {
    const auto q = head->query.level(l).head(0), k = head->key.level(l).head(0);
    for (const Candidate& c : view.level(l).candidates) {
      double expected = 0, size = 1;
      for (std::int64_t d = 0; d < q.dim; ++d) {
        expected += static_cast<double>(q(view.level(l).query_token, d)) * static_cast<double>(k(c.token, d));
        size += std::abs(static_cast<double>(q(view.level(l).query_token, d)) * static_cast<double>(k(c.token, d)));
      }
      RC_ASSERT(std::abs(static_cast<double>(c.score) - expected) <= 1e-5 * size);
    }
  }
}

RC_GTEST_PROP(QueryView, the_key_set_is_that_of_the_definition, ()) {
  const auto p = *small_problems();
  const auto head = select(p);
  const QueryView view = view_query(head, any_position(p));
  const auto key = [](int level, std::int64_t token, double weight) { return std::tuple(level, token, weight); };
  std::vector<std::tuple<int, std::int64_t, double>> got, expected;
  for (const ScoredKey& k : view.keys) got.push_back(key(k.key.level, k.key.token, k.weight));
  for (const auto& k : reference::naive_key_set(head->selection, head->options, 0, view.position))
    expected.push_back(key(k.level, k.token, k.weight));
  RC_ASSERT(std::ranges::is_sorted(got, {}, [](const auto& k) { return std::get<0>(k); }));
  std::ranges::sort(got);
  std::ranges::sort(expected);
  RC_ASSERT(got == expected);
  RC_ASSERT(view.fine_keys == std::ranges::count(view.keys, 0, [](const ScoredKey& k) { return k.key.level; }));
}

RC_GTEST_PROP(QueryView, weights_sum_to_one_and_their_difference_to_zero, ()) {
  const auto p = *small_problems();
  const QueryView view = view_query(select(p), any_position(p));
  RC_ASSERT(std::abs(sum(view.llsa) - 1) < 1e-4);
  RC_ASSERT(std::abs(sum(view.dense) - 1) < 1e-4);
  RC_ASSERT(std::abs(sum(view.difference)) < 1e-4);
  double shares = 0;
  for (const ScoredKey& k : view.keys) shares += k.probability;
  RC_ASSERT(std::abs(shares - 1) < 1e-9);
  RC_ASSERT(view.mass_held >= 0 && view.mass_held <= 1 + 1e-5);
  RC_ASSERT(view.shared_mass >= 0 && view.shared_mass <= 1 + 1e-5);
}

RC_GTEST_PROP(QueryView, outputs_errors_and_lse_agree_with_the_oracle, ()) {
  const auto p = *small_problems();
  const auto head = select(p);
  const QueryView view = view_query(head, any_position(p));
  const auto exact = [](const Tensor<float>& t) {
    Tensor<double> d(t.shape());
    std::ranges::transform(t.flat(), d.data(), [](float x) { return static_cast<double>(x); });
    return d;
  };
  const auto q = exact(head->head->query), k = exact(head->head->key), v = exact(head->head->value);
  const AttentionInputs<double> inputs{q.view(), k.view(), v.view()};
  const auto llsa = reference::naive_forward(inputs, head->selection, head->options);
  const auto dense = reference::dense_naive(inputs, head->options.scale);
  RC_ASSERT(std::abs(view.lse - llsa.lse(0, 0, view.position, 0)) < 1e-4);
  RC_ASSERT(std::abs(view.dense_lse - dense.lse(0, 0, view.position, 0)) < 1e-4);
  double gap = 0, norm = 0;
  for (std::int64_t d = 0; d < v.shape().dim; ++d) {
    const double a = llsa.output(0, 0, view.position, d), b = dense.output(0, 0, view.position, d);
    gap += (a - b) * (a - b);
    norm += b * b;
  }
  if (norm > 1e-6) RC_ASSERT(std::abs(view.output_error - std::sqrt(gap / norm)) < 1e-3 * (1 + std::sqrt(gap / norm)));
}

RC_GTEST_PROP(QueryView, dense_weights_are_the_softmax_by_cell_and_mass_is_what_fine_keys_hold, ()) {
  auto p = *small_problems();
  const auto head = select(p);
  const QueryView view = view_query(head, any_position(p));
  double mass = 0;
  for (std::int64_t j = 0; j < p.key_grid.size(); ++j) {
    double score = 0;
    for (std::int64_t d = 0; d < p.dim; ++d)
      score += static_cast<double>(head->head->query(0, 0, view.position, d)) *
               static_cast<double>(head->head->key(0, 0, j, d));
    const double share = std::exp(score * head->options.scale - view.dense_lse);
    const auto cell = static_cast<std::size_t>(head->head->key_cell(j));
    RC_ASSERT(std::abs(static_cast<double>(view.dense[cell]) - share) < 1e-4);
    if (std::ranges::count(view.keys, LevelToken{0, j}, &ScoredKey::key)) mass += share;
  }
  RC_ASSERT(std::abs(view.mass_held - mass) < 1e-4);
}

RC_GTEST_PROP(QueryView, dense_settings_give_equal_weights_and_no_error, ()) {
  auto p = *small_problems();
  p.settings.how.method = "llsa";
  p.settings.how.options.levels = 0;
  p.settings.how.options.enrichment_levels.reset();
  const QueryView view = view_query(select(p), any_position(p));
  RC_ASSERT(static_cast<std::int64_t>(view.keys.size()) == p.key_grid.size());
  RC_ASSERT(std::abs(view.mass_held - 1) < 1e-4);
  RC_ASSERT(view.sparsity == 0);
  for (const float d : view.difference) RC_ASSERT(std::abs(d) < 1e-5f);
}

RC_GTEST_PROP(QueryView, related_tokens_are_those_that_share_fine_tokens, ()) {
  const Hierarchy hierarchy(*rc::gen::inRange(1, 100), *rc::gen::inRange(2, 5), 3);
  const auto any = [&] {
    const int level = *rc::gen::inRange(0, 4);
    return LevelToken{level, *rc::gen::inRange<std::int64_t>(0, hierarchy.length(level))};
  };
  const LevelToken a = any(), b = any();
  const LevelToken low = a.level < b.level ? a : b, high = a.level < b.level ? b : a;
  std::int64_t ancestor = low.token;
  for (int l = low.level; l < high.level; ++l) ancestor /= hierarchy.block_size();
  RC_ASSERT(related(hierarchy, a, b) == (ancestor == high.token));
}

TEST(QueryView, not_a_number_in_one_key_reaches_the_numbers_but_breaks_nothing) {
  SmallProblem p;
  p.settings.how.options = {.block_size = 4, .levels = 1, .top_k = {2}};
  const auto document = std::make_shared<Document>(*document_of(p));
  document->sets[0].key(0, 0, 5, 1) = std::nanf("");
  ThreadPool threads(1);
  auto head = std::make_shared<const Head>(take_head(*document, 0, 0, 0, ""));
  const auto selection = std::make_shared<const HeadSelection>(select_head(head, p.settings, threads));
  const QueryView view = view_query(selection, 3);
  EXPECT_TRUE(std::isnan(view.dense_lse));
  EXPECT_TRUE(std::isnan(view.output_error));
  EXPECT_TRUE(std::isnan(view.shared_mass));
  EXPECT_TRUE(std::isnan(view.dense[0]));
  EXPECT_EQ(view.level(1).selected, 2);
  EXPECT_NE(view.level(1).candidates[0].token, 1);  // not-a-number ranks last
}

TEST(QueryView, a_position_outside_the_sequence_is_refused) {
  const auto head = select({});
  EXPECT_EQ(error_of([&] { view_query(head, 16); }), "query is 16; there are 16 tokens");
  EXPECT_NE(error_of([&] { view_query(head, -1); }), "");
}

TEST(WeightKind, names_go_there_and_back) {
  for (const WeightKind kind : {WeightKind::llsa, WeightKind::dense, WeightKind::difference})
    EXPECT_EQ(weight_kind_from(name_of(kind)), kind);
  EXPECT_EQ(error_of([] { weight_kind_from("x"); }), "weights are 'x'; they must be llsa, dense or difference");
}

}  // namespace
}  // namespace llsa::viewer

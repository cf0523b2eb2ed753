#include "viewer/model/head_result.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "backends/backends.hpp"
#include "small_problem.hpp"

namespace llsa::viewer {
namespace {

RC_GTEST_PROP(Head, tokens_are_brought_from_the_stored_order_to_the_wanted_one, ()) {
  auto p = *small_problems();
  p.batch = 2, p.heads = 3;
  p.settings.batch = *rc::gen::inRange(0, 2);
  p.settings.head = *rc::gen::inRange(0, 3);
  const auto document = document_of(p);
  const Head head = take_head(*document, 0, p.settings.batch, p.settings.head, p.settings.how.order);
  const TokenOrder stored = token_order(p.stored_order, p.query_grid),
                   stored_keys = token_order(p.stored_order, p.key_grid);
  const QkvSet& set = document->sets[0];
  for (std::int64_t i = 0; i < p.query_grid.size(); ++i) {
    const auto from = stored.from_raster()[static_cast<std::size_t>(head.query_cell(i))];
    RC_ASSERT(head.query(0, 0, i, 0) == set.query(p.settings.batch, p.settings.head, from, 0));
    RC_ASSERT(head.query_position(head.query_cell(i)) == i);
  }
  for (std::int64_t i = 0; i < p.key_grid.size(); ++i) {
    const auto from = stored_keys.from_raster()[static_cast<std::size_t>(head.key_cell(i))];
    RC_ASSERT(head.key(0, 0, i, p.dim - 1) == set.key(p.settings.batch, p.settings.head, from, p.dim - 1));
    RC_ASSERT(head.value(0, 0, i, 0) == set.value(p.settings.batch, p.settings.head, from, 0));
    RC_ASSERT(head.key_position(head.key_cell(i)) == i);
  }
}

TEST(Head, what_does_not_exist_is_refused_by_name) {
  const auto document = document_of({});
  EXPECT_EQ(error_of([&] { take_head(*document, 1, 0, 0, ""); }), "set is 1; there are 1");
  EXPECT_EQ(error_of([&] { take_head(*document, 0, 2, 0, ""); }), "batch entry is 2; there are 1");
  EXPECT_EQ(error_of([&] { take_head(*document, 0, 0, -1, ""); }), "head is -1; there are 1");
  EXPECT_NE(error_of([&] { take_head(*document, 0, 0, 0, "spiral"); }), "");
}

RC_GTEST_PROP(HeadSelection, popularity_counts_the_lists_that_hold_a_key, ()) {
  const auto head = select(*small_problems());
  for (int l = 1; l <= head->levels(); ++l) {
    std::vector<float> counts(static_cast<std::size_t>(head->options.key.length(l)), 0);
    for (std::int64_t t = 0; t < head->options.query.length(l); ++t)
      for (const std::int32_t c : head->selection.list(l, 0, t)) ++counts[static_cast<std::size_t>(c)];
    RC_ASSERT(head->popularity[static_cast<std::size_t>(l - 1)] == counts);
  }
}

RC_GTEST_PROP(HeadError, is_the_error_of_the_queries_one_by_one, ()) {
  const auto p = *small_problems();
  const auto head = select(p);
  ThreadPool threads(1);
  const HeadOutputs outputs = attend_head(*head, threads);
  const std::int64_t n = p.query_grid.size(), compared = *rc::gen::inRange<std::int64_t>(1, n + 5);
  const HeadError error = measure_error(*head, outputs, compared, threads);
  RC_ASSERT(error.queries == std::min(n, compared));
  RC_ASSERT(error.exact == (compared >= n));
  double gap = 0, norm = 0, mass = 0, keys = 0, lse = 0;
  std::int64_t counted = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const float of_query = error.query_error[static_cast<std::size_t>(i)];
    const QueryView view = view_query(head, i);
    bool was_compared = false;
    for (std::int64_t m = 0; m < error.queries; ++m) was_compared |= m * n / error.queries == i;
    if (!was_compared) {
      RC_ASSERT(std::isnan(of_query));
      continue;
    }
    ++counted;
    double own_norm = 0, own_gap = 0;
    std::vector<double> dense(static_cast<std::size_t>(p.value_dim), 0);
    for (std::int64_t j = 0; j < p.key_grid.size(); ++j)
      for (std::int64_t d = 0; d < p.value_dim; ++d)
        dense[static_cast<std::size_t>(d)] +=
            static_cast<double>(view.dense[static_cast<std::size_t>(head->head->key_cell(j))]) *
            static_cast<double>(head->head->value(0, 0, j, d));
    for (std::int64_t d = 0; d < p.value_dim; ++d) {
      const double ours = static_cast<double>(outputs.output(0, 0, i, d)), exact = dense[static_cast<std::size_t>(d)];
      own_gap += (ours - exact) * (ours - exact);
      own_norm += exact * exact;
    }
    gap += own_gap, norm += own_norm;
    mass += view.mass_held;
    keys += static_cast<double>(view.keys.size());
    lse = std::max(lse, std::abs(view.lse - view.dense_lse));
  }
  RC_ASSERT(counted == error.queries);
  const auto close = [](double a, double b) { return std::abs(a - b) <= 1e-3 * (1 + std::abs(b)); };
  if (norm > 1e-4) RC_ASSERT(close(error.relative_l2, std::sqrt(gap / norm)));
  RC_ASSERT(close(error.mass_held, mass / static_cast<double>(counted)));
  RC_ASSERT(close(error.keys_per_query, keys / static_cast<double>(counted)));
  RC_ASSERT(close(error.lse_error, lse));
}

TEST(Analyse, publishes_selection_then_outputs_then_error) {
  SmallProblem p;
  p.query_grid = p.key_grid = {1, 12, 12};
  p.settings.how.options = {.block_size = 4, .levels = 2, .top_k = {2}};
  Background lane(1);
  std::vector<HeadResult> results;
  std::string problem;
  lane.start(
      [&, document = document_of(p)](const Background::Job& job) {
        analyse(job, document, p.settings,
                [&](HeadResult result) { job.publish([&results, result] { results.push_back(result); }); });
      },
      [&](const std::string& message) { problem = message; });
  while (lane.busy()) lane.deliver();
  lane.deliver();
  EXPECT_EQ(problem, "");
  ASSERT_EQ(results.size(), 3u);
  EXPECT_TRUE(results[0].selection && !results[0].outputs && !results[0].error);
  EXPECT_TRUE(results[1].outputs && !results[1].error);
  ASSERT_TRUE(results[2].error);
  EXPECT_TRUE(results[2].error->exact);
  EXPECT_EQ(results[2].selection, results[0].selection);
}

TEST(Analyse, shows_the_selection_of_every_method_and_the_outputs_of_the_whole_method) {
  SmallProblem p;
  p.query_grid = p.key_grid = {1, 12, 12};
  p.settings.how.options = {.block_size = 4, .levels = 2, .top_k = {2}};
  ThreadPool threads(1);
  for (const std::string& method : method_names()) {
    p.settings.how.method = method;
    const auto head = select(p);
    EXPECT_EQ(head->levels(), method.starts_with("llsa") ? 2 : method == "full" ? 0 : 1) << method;
    const HeadOutputs outputs = attend_head(*head, threads);
    const AttentionInputs<float> inputs{head->head->query.view(), head->head->key.view(), head->head->value.view()};
    Tensor<float> output(outputs.output.shape()), lse(outputs.lse.shape());
    const auto state = make_attention<float>(method, "reference", threads)
                           ->forward(inputs, p.settings.how.options, {output.view(), lse.view()});
    EXPECT_TRUE(std::ranges::equal(output.flat(), outputs.output.flat())) << method;
    for (int level = 1; level <= head->levels(); ++level)
      EXPECT_EQ(state->selection().level(level).indices, head->selection.level(level).indices) << method;
  }
}

TEST(Settings, name_the_method_unless_it_is_llsa) {
  Settings settings;
  EXPECT_EQ(describe(settings), "B 16, L auto, K 8, overlapping");
  settings.how.method = "vsa";
  EXPECT_EQ(describe(settings), "vsa, B 16, L 1, K 8, Le 0, overlapping");
  EXPECT_NE(panels_note("vsa"), "");
  settings.how.method = "full";
  EXPECT_EQ(describe(settings), "dense");
  EXPECT_EQ(panels_note("full"), "");
}

}  // namespace
}  // namespace llsa::viewer

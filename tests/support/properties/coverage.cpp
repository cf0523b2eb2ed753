#include <cmath>

#include "support/problem.hpp"
#include "support/properties/properties.hpp"
#include "support/selections.hpp"

namespace llsa::testing {
namespace {

template <class T>
Verdict outputs_close(const AttentionRun<T>& run, reference::NaiveOutputs expected,
                      const compare::Problem<double>& exact) {
  return results_close(run.results(), {std::move(expected.output), std::move(expected.lse), {}, {}, {}}, exact,
                       strict_allowances<T>(exact));
}

template <class T>
Verdict is_dense(Attention<T>& attention, const Problem<T>& problem, const Selection* given = nullptr) {
  const AttentionRun<T> run = run_both(attention, problem, given);
  const compare::Problem<double> exact = problem.exact();
  reference::NaiveOutputs outputs = reference::dense_naive(exact.inputs(), problem.options.scale);
  reference::NaiveGradients gradients =
      reference::dense_naive_backward(exact.inputs(), problem.options.scale, exact.output_gradients());
  return results_close(run.results(),
                       {std::move(outputs.output), std::move(outputs.lse), std::move(gradients.query),
                        std::move(gradients.key), std::move(gradients.value)},
                       exact, strict_allowances<T>(exact));
}

template <class T>
Verdict full_selection_is_dense(Attention<T>& attention, const Case& original) {
  Case c = original;
  c.options.top_k = {c.key_tokens};
  c.options.enrichment_levels = 0;
  return is_dense(attention, Problem<T>(c));
}

template <class T>
Verdict disjoint_full_selection_is_dense(Attention<T>& attention, const Case& original) {
  Case c = original;
  c.options.coverage = Coverage::disjoint;
  c.options.enrichment_levels = std::nullopt;
  c.options.top_k = {c.key_tokens};
  for (c.options.levels = 0; *c.options.levels <= 4; ++*c.options.levels)
    if (Verdict v = is_dense(attention, Problem<T>(c)); !v) return v << " (levels " << *c.options.levels << ")";
  return ::testing::AssertionSuccess();
}

/// Bends the case to disjoint coverage of every level with weights.
Case fully_disjoint(Case c) {
  c.options.coverage = Coverage::disjoint;
  c.options.enrichment_levels = std::nullopt;
  c.options.reweight = true;
  return c;
}

/// All queries take the same random selection; keys and values are made constant inside each region that it leaves
/// coarse.
template <class T>
Verdict constant_regions_are_dense(Attention<T>& attention, const Case& original) {
  Case c = fully_disjoint(original);
  c.key_layout = c.value_layout = Layout::contiguous;
  Problem<T> problem(c);
  const Selection given = random_selection(problem.options, c.batch * c.heads, c.seed + 1, true);
  for (std::int64_t head = 0; head < c.batch * c.heads; ++head)
    for (const reference::AttendedKey& ref : reference::naive_key_set(given, problem.options, head, 0)) {
      const TokenRange region = problem.options.key.fine(ref.level, ref.token);
      for (const auto& view : {problem.key.view().head(head), problem.value.view().head(head)})
        for (std::int64_t j = region.begin; j < region.end; ++j)
          for (std::int64_t d = 0; d < view.dim; ++d) view(j, d) = view(region.begin, d);
    }
  AttentionRun<T> run = run_forward(attention, problem, &given);
  const compare::Problem<double> exact = problem.exact();
  return outputs_close(run, reference::dense_naive(exact.inputs(), problem.options.scale), exact);
}

/// With zero keys every score is log w, so LSE is the logarithm of the key set's total weight.
template <class T>
Verdict counts_sum_to_all_keys(Attention<T>& attention, const Case& original) {
  Case c = fully_disjoint(original);
  c.magnitude = 0;
  const Problem<T> problem(c);
  const AttentionRun<T> run = run_forward(attention, problem);
  const Tensor<double> expected(c.lse_shape(), std::log(static_cast<double>(c.key_tokens)));
  return close("lse", run.exact_lse(), expected, strict_allowances<T>(problem.exact()).lse, {.absolute = true});
}

/// Writes every coarse key out as often as its weight says, each time with weight 1, and attends to that multiset.
template <class T>
Verdict equals_attention_over_upsampled_tokens(Attention<T>& attention, const Case& c) {
  const Problem<T> problem(c);
  const AttentionRun<T> run = run_forward(attention, problem);
  const compare::Problem<double> exact = problem.exact();
  const auto pooled_key = reference::naive_pool(exact.key.cview(), problem.options.key);
  const auto pooled_value = reference::naive_pool(exact.value.cview(), problem.options.key);
  const auto vector = [](const Tensor<double>& fine, const std::vector<Tensor<double>>& pooled, std::int64_t head,
                         const reference::AttendedKey& ref) {
    const auto view = (ref.level == 0 ? fine : pooled[static_cast<std::size_t>(ref.level - 1)]).view().head(head);
    return std::vector<double>(view.row(ref.token), view.row(ref.token) + view.dim);
  };
  reference::NaiveOutputs expected{Tensor<double>(c.output_shape()), Tensor<double>(c.lse_shape())};
  for (std::int64_t head = 0; head < c.batch * c.heads; ++head)
    for (std::int64_t i = 0; i < c.query_tokens; ++i) {
      std::vector<reference::WeightedKey> multiset;
      for (const auto& ref : reference::naive_key_set(run.selection(), problem.options, head, i)) {
        const std::int64_t copies = problem.options.reweight ? problem.options.key.count(ref.level, ref.token) : 1;
        multiset.insert(multiset.end(), static_cast<std::size_t>(copies),
                        {vector(exact.key, pooled_key, head, ref), vector(exact.value, pooled_value, head, ref), 1});
      }
      const auto row = reference::naive_row(vector(exact.query, {}, head, {0, i, 1}), multiset, problem.options.scale);
      std::ranges::copy(row.output, expected.output.view().head(head).row(i));
      expected.lse.view().head(head)(i, 0) = row.lse;
    }
  return outputs_close(run, std::move(expected), exact);
}

}  // namespace

template <class T>
std::vector<Property<T>> coverage_properties() {
  return {{"full_selection_without_enrichment_equals_dense_attention", full_selection_is_dense<T>},
          {"disjoint_full_selection_equals_dense_attention_at_every_depth", disjoint_full_selection_is_dense<T>},
          {"regions_of_equal_tokens_left_coarse_give_dense_attention", constant_regions_are_dense<T>},
          {"disjoint_counts_sum_to_the_number_of_keys", counts_sum_to_all_keys<T>},
          {"weighted_coarse_keys_equal_upsampled_tokens", equals_attention_over_upsampled_tokens<T>}};
}

template std::vector<Property<float>> coverage_properties();
template std::vector<Property<double>> coverage_properties();

}  // namespace llsa::testing

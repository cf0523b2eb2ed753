#include <algorithm>
#include <numeric>
#include <random>

#include "support/problem.hpp"
#include "support/properties/properties.hpp"

namespace llsa::testing {
namespace {

/// Two runs that rounding takes different ways; `exact` is the problem of the later one.
template <class T>
Verdict close_outputs(const std::string& what, const AttentionRun<T>& actual, const Tensor<double>& output,
                      const Tensor<double>& lse, const compare::Problem<double>& exact) {
  const compare::Allowances allowed = strict_allowances<T>(exact);
  if (Verdict v = close(what + " lse", actual.exact_lse(), lse, times(4, allowed.lse), {.absolute = true}); !v)
    return v;
  return close(what + " output", actual.exact_output(), output, times(4, allowed.output),
               {.floor = compare::magnitudes_of(exact).output});
}

template <class T>
Verdict outputs_are_convex_combinations(Attention<T>& attention, const Case& c) {
  const Problem<T> problem(c);
  const AttentionRun<T> run = run_forward(attention, problem);
  const double slack = compare::tolerance_of(dtype_of<T>(), compare::Strictness::tests).relative_l2 *
                       compare::largest_row(problem.exact().value);
  for (std::int64_t head = 0; head < c.batch * c.heads; ++head)
    for (std::int64_t d = 0; d < c.value_dim; ++d) {
      const auto value = problem.value.cview().head(head);
      double lowest = value(0, d), highest = value(0, d);
      for (std::int64_t j = 1; j < c.key_tokens; ++j) {
        lowest = std::min(lowest, static_cast<double>(value(j, d)));
        highest = std::max(highest, static_cast<double>(value(j, d)));
      }
      for (std::int64_t i = 0; i < c.query_tokens; ++i) {
        const double o = run.output.cview().head(head)(i, d);
        if (!(o >= lowest - slack && o <= highest + slack))
          return ::testing::AssertionFailure() << "head " << head << ", query " << i << ", dim " << d << ": " << o
                                               << " is outside the values' range " << lowest << " to " << highest;
      }
    }
  return ::testing::AssertionSuccess();
}

template <class T>
Verdict equal_values_come_out_unchanged(Attention<T>& attention, const Case& original) {
  Case c = original;
  c.value_layout = Layout::contiguous;
  Problem<T> problem(c);
  for_each_index(c.value_shape(), [&](auto b, auto h, auto t, auto d) {
    problem.value.view()(b, h, t, d) = problem.value.view()(b, h, 0, d);
  });
  const AttentionRun<T> run = run_forward(attention, problem);
  Tensor<double> expected(c.output_shape());
  for_each_index(c.output_shape(),
                 [&](auto b, auto h, auto t, auto d) { expected(b, h, t, d) = problem.value.view()(b, h, 0, d); });
  return close("output", run.exact_output(), expected,
               compare::tolerance_of(dtype_of<T>(), compare::Strictness::tests));
}

/// K + u: every score of query q moves by scale <q, u>, so O stays and LSE moves by as much.
template <class T>
Verdict a_vector_added_to_all_keys_moves_only_lse(Attention<T>& attention, const Case& original) {
  Case c = original;
  c.key_layout = Layout::contiguous;
  Problem<T> problem(c);
  const AttentionRun<T> before = run_forward(attention, problem);
  const Tensor<double> u = compare::in_double(problem.value.cview());  // any numbers will do
  for_each_index(c.key_shape(), [&](auto b, auto h, auto t, auto d) {
    problem.key.view()(b, h, t, d) += static_cast<T>(u(b, h, 0, d % c.value_dim));
  });
  const AttentionRun<T> after = run_forward(attention, problem, &before.selection());
  Tensor<double> lse = before.exact_lse();
  for_each_index(c.query_shape(), [&](auto b, auto h, auto t, auto d) {
    lse(b, h, t, 0) +=
        problem.options.scale * static_cast<double>(problem.query.cview()(b, h, t, d)) * u(b, h, 0, d % c.value_dim);
  });
  return close_outputs("shifted", after, before.exact_output(), lse, problem.exact());
}

/// Bends the case to sequences of whole coarsest blocks, several of them where the length allows, without ties.
Case whole_blocks(Case c) {
  c.values = Values::normal;
  c.options.levels = std::max(1, c.resolved().levels);
  const std::int64_t fewest = std::min(c.query_tokens, c.key_tokens);
  const auto span = [&] {
    return Hierarchy(std::int64_t{1} << 40, c.options.block_size, *c.options.levels).span(*c.options.levels);
  };
  while (*c.options.levels > 1 && 2 * span() > fewest) --*c.options.levels;
  c.options.top_k.resize(1);
  c.options.enrichment_levels = std::nullopt;
  const auto whole = [&](std::int64_t tokens) { return std::max<std::int64_t>(1, tokens / span()) * span(); };
  c.query_tokens = whole(c.query_tokens);
  c.key_tokens = whole(c.key_tokens);
  c.query_layout = c.key_layout = c.value_layout = Layout::contiguous;
  return c;
}

std::vector<std::int64_t> shuffled_blocks(std::int64_t tokens, std::int64_t span, std::uint64_t seed) {
  std::vector<std::int64_t> blocks(static_cast<std::size_t>(tokens / span)), to;
  std::iota(blocks.begin(), blocks.end(), 0);
  std::mt19937_64 random(seed);
  std::shuffle(blocks.begin(), blocks.end(), random);
  for (std::int64_t i = 0; i < tokens; ++i) to.push_back(blocks[static_cast<std::size_t>(i / span)] * span + i % span);
  return to;
}

template <class T>
Tensor<T> moved(const TensorView<const T>& from, const std::vector<std::int64_t>& to) {
  Tensor<T> result(from.shape);
  for_each_index(from.shape, [&](auto b, auto h, auto t, auto d) {
    result(b, h, to[static_cast<std::size_t>(t)], d) = from(b, h, t, d);
  });
  return result;
}

/// Writes `moved` tokens back into a contiguous strided tensor.
template <class T>
void permute(StridedTensor<T>& tensor, const std::vector<std::int64_t>& to) {
  const Tensor<T> copy = moved(tensor.cview(), to);
  for_each_index(copy.shape(), [&](auto b, auto h, auto t, auto d) { tensor.view()(b, h, t, d) = copy(b, h, t, d); });
}

template <class T>
Verdict permuting_coarsest_key_blocks_changes_nothing(Attention<T>& attention, const Case& original) {
  const Case c = whole_blocks(original);
  Problem<T> problem(c);
  const AttentionRun<T> before = run_forward(attention, problem);
  const std::int64_t span = problem.options.key.span(problem.options.levels);
  const auto to = shuffled_blocks(c.key_tokens, span, c.seed);
  permute(problem.key, to);
  permute(problem.value, to);
  const AttentionRun<T> after = run_forward(attention, problem);
  for (int l = 1; l <= problem.options.levels; ++l)
    for (std::int64_t head = 0; head < c.batch * c.heads; ++head)
      for (std::int64_t t = 0; t < problem.options.query.length(l); ++t) {
        std::vector<std::int32_t> expected;
        for (const std::int32_t token : before.selection().list(l, head, t)) {
          const std::int64_t first = token * problem.options.key.span(l);
          expected.push_back(
              static_cast<std::int32_t>(to[static_cast<std::size_t>(first)] / problem.options.key.span(l)));
        }
        if (!std::ranges::equal(expected, after.selection().list(l, head, t)))
          return ::testing::AssertionFailure()
                 << "level " << l << ", head " << head << ", query token " << t << " selects other blocks";
      }
  return close_outputs("permuted keys", after, before.exact_output(), before.exact_lse(), problem.exact());
}

template <class T>
Verdict permuting_coarsest_query_blocks_permutes_the_result(Attention<T>& attention, const Case& original) {
  const Case c = whole_blocks(original);
  Problem<T> problem(c);
  const AttentionRun<T> before = run_forward(attention, problem);
  const auto to = shuffled_blocks(c.query_tokens, problem.options.query.span(problem.options.levels), c.seed);
  permute(problem.query, to);
  const AttentionRun<T> after = run_forward(attention, problem);
  const Tensor<double> output = before.exact_output(), lse = before.exact_lse();
  return close_outputs("permuted queries", after, moved(output.cview(), to), moved(lse.cview(), to), problem.exact());
}

}  // namespace

template <class T>
std::vector<Property<T>> invariance_properties() {
  return {
      {"outputs_are_convex_combinations_of_values", outputs_are_convex_combinations<T>},
      {"equal_values_come_out_unchanged", equal_values_come_out_unchanged<T>},
      {"a_vector_added_to_all_keys_moves_only_lse", a_vector_added_to_all_keys_moves_only_lse<T>},
      {"permuting_coarsest_key_blocks_changes_nothing", permuting_coarsest_key_blocks_changes_nothing<T>},
      {"permuting_coarsest_query_blocks_permutes_the_result", permuting_coarsest_query_blocks_permutes_the_result<T>}};
}

template std::vector<Property<float>> invariance_properties();
template std::vector<Property<double>> invariance_properties();

}  // namespace llsa::testing

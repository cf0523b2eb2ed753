#include <algorithm>
#include <bit>

#include "support/problem.hpp"
#include "support/properties/properties.hpp"
#include "support/selections.hpp"

namespace llsa::testing {
namespace {

/// Brute force finds the same lists: exactly where arithmetic is exact (ties then fall to the lower index), else up to
/// score differences that rounding explains.
template <class T>
Verdict is_what_brute_force_finds(Attention<T>& attention, const Case& c) {
  const Problem<T> problem(c);
  const AttentionRun<T> run = run_forward(attention, problem);
  const compare::Problem<double> exact = problem.exact();
  const ResolvedOptions& options = problem.options;
  const auto query = reference::naive_pool(exact.query.cview(), options.query);
  const auto key = reference::naive_pool(exact.key.cview(), options.key);
  const double gap = compare::tolerance_of(dtype_of<T>(), compare::Strictness::tests).score_gap *
                     compare::largest_row(exact.query) * compare::largest_row(exact.key);
  return is_best(run.selection(), query, key, options, gap);
}

/// The longest length up to `tokens` whose counts up to level `levels` are all powers of two, as is the block size.
std::int64_t whole_length(std::int64_t tokens, std::int64_t block_size, int levels) {
  std::int64_t span = 1;
  for (int l = 0; l < levels; ++l) span *= block_size;
  return tokens >= span ? tokens / span * span
                        : static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(tokens)));
}

/// Bends the case so that no rounding happens: small integers, and means over powers of two.
Case exactly_computable(Case c) {
  if (c.values != Values::constant) c.values = Values::integers;
  c.options.block_size = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(c.options.block_size)));
  const int levels = std::min(2, c.resolved().levels);
  c.options.levels = levels;
  c.options.enrichment_levels = std::nullopt;
  c.options.top_k.resize(1);
  c.query_tokens = whole_length(c.query_tokens, c.options.block_size, levels);
  c.key_tokens = whole_length(c.key_tokens, c.options.block_size, levels);
  return c;
}

template <class T>
Verdict breaks_ties_to_the_lower_index(Attention<T>& attention, const Case& original) {
  const Case c = exactly_computable(original);
  const Problem<T> problem(c);
  const AttentionRun<T> run = run_forward(attention, problem);
  const compare::Problem<double> exact = problem.exact();
  return same("selection", run.selection(),
              reference::naive_select(reference::naive_pool(exact.query.cview(), problem.options.query),
                                      reference::naive_pool(exact.key.cview(), problem.options.key), problem.options));
}

/// At one level, from the same candidates: the longer list begins with the shorter.
template <class T>
Verdict larger_k_never_loses_a_block(Attention<T>& attention, const Case& original) {
  Case c = original;
  const int levels = std::max(1, c.resolved().levels);
  c.options.levels = levels;
  c.options.enrichment_levels = 0;
  c.options.top_k.resize(static_cast<std::size_t>(levels), c.options.top_k.front());
  const int grown = 1 + static_cast<int>(c.seed % static_cast<std::uint64_t>(levels));
  const AttentionRun<T> fewer = run_forward(attention, Problem<T>(c));
  c.options.top_k[static_cast<std::size_t>(grown - 1)] += 1 + static_cast<std::int64_t>(c.seed % 3);
  const AttentionRun<T> more = run_forward(attention, Problem<T>(c));
  for (int l = levels; l >= grown; --l)
    for (std::int64_t head = 0; head < c.batch * c.heads; ++head)
      for (std::int64_t t = 0; t < fewer.selection().level(l).queries; ++t) {
        const auto short_list = fewer.selection().list(l, head, t), long_list = more.selection().list(l, head, t);
        if (short_list.size() > long_list.size() || !std::ranges::equal(short_list, long_list.first(short_list.size())))
          return ::testing::AssertionFailure()
                 << "level " << l << ", head " << head << ", query token " << t << ": K_" << grown
                 << " grew, and the list no longer begins with what was selected before";
      }
  return ::testing::AssertionSuccess();
}

}  // namespace

template <class T>
std::vector<Property<T>> selection_properties() {
  return {{"selection_is_nested_and_what_brute_force_finds", is_what_brute_force_finds<T>},
          {"ties_fall_to_the_lower_index", breaks_ties_to_the_lower_index<T>},
          {"larger_k_never_loses_a_selected_block", larger_k_never_loses_a_block<T>}};
}

template std::vector<Property<float>> selection_properties();
template std::vector<Property<double>> selection_properties();

}  // namespace llsa::testing

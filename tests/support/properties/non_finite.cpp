#include <algorithm>
#include <limits>

#include "support/problem.hpp"
#include "support/properties/properties.hpp"
#include "support/selections.hpp"

namespace llsa::testing {
namespace {

/// The token that was made non-finite, and in which input (0 query, 1 key, 2 value).
struct Spoiled {
  int input;
  std::int64_t head, token;
};

template <class T>
Spoiled spoil(Problem<T>& problem, const Case& c) {
  const int input = static_cast<int>(c.seed % 3);
  const TensorView<T> view = input == 0 ? problem.query.view() : input == 1 ? problem.key.view() : problem.value.view();
  const Spoiled spoiled{input, static_cast<std::int64_t>(c.seed / 3) % (c.batch * c.heads),
                        static_cast<std::int64_t>(c.seed * 7919) % view.shape.tokens};
  constexpr T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const T bad[] = {nan, infinity, -infinity};
  const T with = bad[c.seed / 9 % 3];
  const bool whole_token = c.seed % 2 == 0;
  for (std::int64_t d = 0; d < view.shape.dim; ++d)
    if (whole_token || d == static_cast<std::int64_t>(c.seed / 5) % view.shape.dim)
      view.head(spoiled.head)(spoiled.token, d) = with;
  return spoiled;
}

bool attends(const Spoiled& spoiled, const std::vector<reference::AttendedKey>& keys, const ResolvedOptions& options) {
  return std::ranges::any_of(
      keys, [&](const auto& ref) { return options.key.ancestor(ref.level, spoiled.token) == ref.token; });
}

Case without_broadcast(Case c) {
  for (Layout* layout : {&c.query_layout, &c.key_layout, &c.value_layout})
    if (*layout == Layout::broadcast_heads || *layout == Layout::broadcast_batch) *layout = Layout::contiguous;
  if (c.values == Values::hot_key)
    c.values = Values::normal;  // its other weights may underflow to 0, where 0 * inf is NaN
  c.magnitude = std::min(c.magnitude, 1.0);
  return c;
}

/// On one selection: queries that attend to the spoiled token follow the formula, NaN for NaN; all others keep their
/// bits.
template <class T>
Verdict reaches_exactly_the_attending_queries(Attention<T>& attention, const Case& original) {
  const Case c = without_broadcast(original);
  Problem<T> problem(c);
  const AttentionRun<T> clean = run_forward(attention, problem);
  const Spoiled spoiled = spoil(problem, c);
  AttentionRun<T> run = run_forward(attention, problem, &clean.selection());
  for (std::int64_t head = 0; head < c.batch * c.heads; ++head)
    for (std::int64_t i = 0; i < c.query_tokens; ++i) {
      const auto keys = reference::naive_key_set(clean.selection(), problem.options, head, i);
      const bool reached =
          head == spoiled.head && (spoiled.input == 0 ? i == spoiled.token : attends(spoiled, keys, problem.options));
      if (reached) continue;
      bool kept = same_bits(run.lse.cview().head(head)(i, 0), clean.lse.cview().head(head)(i, 0));
      for (std::int64_t d = 0; d < c.value_dim; ++d)
        kept &= same_bits(run.output.cview().head(head)(i, d), clean.output.cview().head(head)(i, d));
      if (!kept)
        return ::testing::AssertionFailure()
               << "head " << head << ", query " << i << " changed, but does not attend to the spoiled token "
               << spoiled.token << " of "
               << (spoiled.input == 0   ? "Q"
                   : spoiled.input == 1 ? "K"
                                        : "V");
    }
  return matches_the_oracle(run, problem.exact());
}

template <class T>
Verdict nan_scores_rank_last(Attention<T>& attention, const Case& original) {
  const Case c = without_broadcast(original);
  Problem<T> problem(c);
  spoil(problem, c);
  AttentionRun<T> run = run_forward(attention, problem);
  const compare::Problem<double> exact = problem.exact();
  // Brute force on the same lists level by level: a NaN never stands before, or is taken instead of, a number.
  const auto query = reference::naive_pool(exact.query.cview(), problem.options.query);
  const auto key = reference::naive_pool(exact.key.cview(), problem.options.key);
  std::vector<std::int32_t> allowed;
  for (int l = 1; l <= problem.options.levels; ++l)
    for (std::int64_t head = 0; head < c.batch * c.heads; ++head)
      for (std::int64_t t = 0; t < problem.options.query.length(l); ++t) {
        const auto is_nan = [&](std::int32_t token) {
          double sum = 0;
          for (std::int64_t d = 0; d < c.dim; ++d)
            sum += query[static_cast<std::size_t>(l - 1)].view().head(head)(t, d) *
                   key[static_cast<std::size_t>(l - 1)].view().head(head)(token, d);
          return sum != sum;
        };
        const auto list = run.selection().list(l, head, t);
        candidates(run.selection(), problem.options, l, head, t, allowed);
        std::vector<std::int32_t> numbers, nans;
        for (const std::int32_t token : allowed) (is_nan(token) ? nans : numbers).push_back(token);
        std::ranges::sort(nans);
        const std::size_t taken = std::min(numbers.size(), list.size());
        const bool numbers_first =
            std::none_of(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(taken), is_nan);
        const bool then_nans_ascending =
            std::equal(list.begin() + static_cast<std::ptrdiff_t>(taken), list.end(), nans.begin());
        if (!numbers_first || !then_nans_ascending)
          return ::testing::AssertionFailure() << "level " << l << ", head " << head << ", query token " << t
                                               << ": a NaN score is not last, or NaNs are not in ascending order";
      }
  return matches_the_oracle(run, exact);
}

/// dQ, dK and dV: with one NaN in one token the gradients are NaN where the formula's are, and close to it elsewhere.
template <class T>
Verdict nan_gradients_follow_the_formula(Attention<T>& attention, const Case& original) {
  Case c = without_broadcast(original);
  c.seed -= c.seed / 9 % 3 * 9;  // NaN, not infinity
  Problem<T> problem(c);
  const AttentionRun<T> clean = run_forward(attention, problem);
  spoil(problem, c);
  AttentionRun<T> run = run_both(attention, problem, &clean.selection());
  return matches_the_oracle(run, problem.exact());
}

}  // namespace

template <class T>
std::vector<Property<T>> non_finite_properties() {
  return {
      {"a_non_finite_token_reaches_exactly_the_queries_that_attend_to_it", reaches_exactly_the_attending_queries<T>},
      {"nan_scores_rank_last", nan_scores_rank_last<T>},
      {"nan_gradients_follow_the_formula", nan_gradients_follow_the_formula<T>}};
}

template std::vector<Property<float>> non_finite_properties();
template std::vector<Property<double>> non_finite_properties();

}  // namespace llsa::testing

#include "support/verdict.hpp"

#include <algorithm>

#include "support/strided_tensor.hpp"

namespace llsa::testing {
Verdict close(const std::string& what, const Tensor<double>& actual, const Tensor<double>& expected,
              const compare::Tolerance& tolerance, const compare::CompareOptions& how) {
  if (!(actual.shape() == expected.shape())) return ::testing::AssertionFailure() << what << ": shapes differ";
  const std::string why = compare::explain(compare::compare(actual.view(), expected.view(), how), tolerance);
  if (why.empty()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << what << ": " << why;
}

Verdict close(const std::string& what, const Tensor<double>& actual, const Tensor<double>& expected, double error,
              double magnitude) {
  return close(what, actual, expected, {.relative_l2 = error, .cosine = 1, .element = error}, {.floor = magnitude});
}

compare::Tolerance times(double factor, compare::Tolerance t) {
  t.relative_l2 *= factor;
  t.cosine *= factor * factor;
  t.element *= factor;
  return t;
}

template <class T>
Verdict same(const std::string& what, TensorView<const T> actual, TensorView<const T> expected) {
  if (!(actual.shape == expected.shape)) return ::testing::AssertionFailure() << what << ": shapes differ";
  Verdict verdict = ::testing::AssertionSuccess();
  for_each_index(expected.shape, [&](auto b, auto h, auto t, auto d) {
    if (!verdict || same_bits(actual(b, h, t, d), expected(b, h, t, d))) return;
    using C = Accumulate<T>;
    verdict = ::testing::AssertionFailure()
              << what << compare::describe({b, h, t, d}) << " is "
              << ::testing::PrintToString(static_cast<C>(actual(b, h, t, d))) << ", must be the same bits as "
              << ::testing::PrintToString(static_cast<C>(expected(b, h, t, d)));
  });
  return verdict;
}

template Verdict same(const std::string&, TensorView<const float>, TensorView<const float>);
template Verdict same(const std::string&, TensorView<const double>, TensorView<const double>);
template Verdict same(const std::string&, TensorView<const half>, TensorView<const half>);
template Verdict same(const std::string&, TensorView<const bfloat16>, TensorView<const bfloat16>);

Verdict same(const std::string& what, const Selection& actual, const Selection& expected) {
  if (actual.levels() != expected.levels()) return ::testing::AssertionFailure() << what << ": levels differ";
  for (int l = actual.levels(); l >= 1; --l) {
    const LevelSelection &a = actual.level(l), &e = expected.level(l);
    if (a.heads != e.heads || a.queries != e.queries)
      return ::testing::AssertionFailure() << what << ": level " << l << " has another shape";
    for (std::int64_t head = 0; head < a.heads; ++head)
      for (std::int64_t t = 0; t < a.queries; ++t)
        if (!std::ranges::equal(a.list(head, t), e.list(head, t)))
          return ::testing::AssertionFailure()
                 << what << ": level " << l << ", head " << head << ", query token " << t << " selects "
                 << ::testing::PrintToString(std::vector<std::int32_t>(a.list(head, t).begin(), a.list(head, t).end()))
                 << ", expected "
                 << ::testing::PrintToString(std::vector<std::int32_t>(e.list(head, t).begin(), e.list(head, t).end()));
  }
  return ::testing::AssertionSuccess();
}

}  // namespace llsa::testing

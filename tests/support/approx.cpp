#include "support/approx.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>

#include "compare/comparator.hpp"
#include "support/strided_tensor.hpp"

namespace llsa::testing {
namespace {

using Index = std::array<std::int64_t, 4>;

std::string at(const Index& i) {
  std::ostringstream out;
  out << "[" << i[0] << ", " << i[1] << ", " << i[2] << ", " << i[3] << "]";
  return out.str();
}

}  // namespace

Tolerance tolerance_of(DType type) {
  switch (type) {
    case DType::f64:
      return {2e-14, 2e-14, 1e-13, 1e-14};
    case DType::f32:
      return {3e-6, 3e-6, 1e-5, 3e-6};
    case DType::f16:
      return {1e-3, 3e-6, 2e-3, 3e-6};
    case DType::bf16:
      return {8e-3, 3e-6, 2e-2, 3e-6};
  }
  return {};
}

Verdict close(const std::string& what, const Tensor<double>& actual, const Tensor<double>& expected, double tolerance,
              double magnitude) {
  if (!(actual.shape() == expected.shape())) return ::testing::AssertionFailure() << what << ": shapes differ";
  const compare::Comparison difference = compare::compare(actual.view(), expected.view(), {.floor = magnitude});
  if (difference.nonfinite_differences > 0)
    return ::testing::AssertionFailure() << what << at(difference.first_nonfinite) << " is " << difference.nonfinite_got
                                         << ", expected " << difference.nonfinite_want;
  // The comparator also divides by the tensor's root mean square; the properties ask for more than that.
  double worst = difference.max_error, sum_error = 0, sum_expected = 0;
  Index worst_index = difference.worst;
  for_each_index(expected.shape(), [&](auto b, auto h, auto t, auto d) {
    const double a = actual(b, h, t, d), e = expected(b, h, t, d);
    if (!std::isfinite(e)) return;
    const double error = a == e ? 0 : std::abs(a - e) / std::max(std::abs(e), magnitude);
    sum_error += (a - e) * (a - e);
    sum_expected += std::max(e * e, magnitude * magnitude);
    if (!(error <= worst)) worst = error, worst_index = {b, h, t, d};
  });
  const double relative_l2 = sum_error > 0 ? std::sqrt(sum_error / sum_expected) : 0;
  if (!(worst <= tolerance) || !(relative_l2 <= tolerance)) {
    const Index& w = worst_index;
    return ::testing::AssertionFailure() << what << at(w) << " is " << actual(w[0], w[1], w[2], w[3]) << ", expected "
                                         << expected(w[0], w[1], w[2], w[3]) << ": largest error " << worst
                                         << ", relative L2 " << relative_l2 << ", allowed " << tolerance
                                         << " of magnitude " << magnitude;
  }
  return ::testing::AssertionSuccess();
}

template <class T>
Verdict same(const std::string& what, TensorView<const T> actual, TensorView<const T> expected) {
  if (!(actual.shape == expected.shape)) return ::testing::AssertionFailure() << what << ": shapes differ";
  Verdict verdict = ::testing::AssertionSuccess();
  for_each_index(expected.shape, [&](auto b, auto h, auto t, auto d) {
    if (!verdict || same_bits(actual(b, h, t, d), expected(b, h, t, d))) return;
    using C = Accumulate<T>;
    verdict = ::testing::AssertionFailure()
              << what << at({b, h, t, d}) << " is " << ::testing::PrintToString(static_cast<C>(actual(b, h, t, d)))
              << ", must be the same bits as " << ::testing::PrintToString(static_cast<C>(expected(b, h, t, d)));
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

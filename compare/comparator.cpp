#include "compare/comparator.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "llsa/error.hpp"

namespace llsa::compare {
namespace {

enum class Kind { finite, nan, plus_infinity, minus_infinity };

Kind kind_of(double x) {
  if (std::isfinite(x)) return Kind::finite;
  return std::isnan(x) ? Kind::nan : x > 0 ? Kind::plus_infinity : Kind::minus_infinity;
}

/// Calls `visit(coordinate, row number, got, want)` for every element of the rows that count.
template <class Visit>
void for_each(TensorView<const double> got, TensorView<const double> want, const CompareOptions& options, Visit visit) {
  const Shape& s = want.shape;
  for (std::int64_t b = 0, row = 0; b < s.batch; ++b)
    for (std::int64_t h = 0; h < s.heads; ++h)
      for (std::int64_t t = 0; t < s.tokens; ++t, ++row) {
        if (!options.rows.empty() && !options.rows[static_cast<std::size_t>(row)]) continue;
        for (std::int64_t d = 0; d < s.dim; ++d)
          visit(Coordinate{b, h, t, d}, static_cast<std::size_t>(row), got(b, h, t, d),
                rounded_to(options.storage, want(b, h, t, d)));
      }
}

}  // namespace

std::string describe(const Coordinate& at) { return fmt::format("[{}, {}, {}, {}]", at[0], at[1], at[2], at[3]); }

double rounded_to(DType storage, double value) {
  switch (storage) {
    case DType::f64:
      return value;
    case DType::f32:
      return static_cast<float>(value);
    case DType::f16:
      return static_cast<float>(half(static_cast<float>(value)));
    case DType::bf16:
      return static_cast<float>(bfloat16(static_cast<float>(value)));
  }
  return value;
}

Comparison compare(TensorView<const double> got, TensorView<const double> want, const CompareOptions& options) {
  if (!(got.shape == want.shape))
    throw Error(fmt::format("shapes differ: [{}, {}, {}, {}] and [{}, {}, {}, {}]", got.shape.batch, got.shape.heads,
                            got.shape.tokens, got.shape.dim, want.shape.batch, want.shape.heads, want.shape.tokens,
                            want.shape.dim));
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const bool absolute = options.absolute;
  Comparison result;
  result.absolute = absolute;
  result.row_errors.assign(static_cast<std::size_t>(want.shape.batch * want.shape.heads * want.shape.tokens), 0);

  // The largest magnitude keeps the sums of squares in range, whatever the tensor's unit.
  double largest = 0;
  std::int64_t finite = 0;
  for_each(got, want, options, [&](const Coordinate& at, std::size_t row, double g, double w) {
    ++result.elements;
    if (kind_of(g) != kind_of(w)) {
      if (result.nonfinite_differences++ == 0) {
        result.first_nonfinite = at;
        result.nonfinite_got = g;
        result.nonfinite_want = w;
      }
      result.row_errors[row] = infinity;
    } else if (std::isfinite(w)) {
      ++finite;
      largest = std::max({largest, std::abs(g), std::abs(w)});
    }
  });
  const double unit = largest > 0 ? largest : 1;
  double got_square = 0, want_square = 0, product = 0, difference_square = 0;
  const auto difference = [&](double g, double w) {
    const double d = std::abs(g - w);
    return d <= options.resolution ? 0.0 : d;
  };
  for_each(got, want, options, [&](const Coordinate&, std::size_t, double g, double w) {
    if (!std::isfinite(g) || !std::isfinite(w)) return;
    const double d = difference(g, w) / unit;
    got_square += (g / unit) * (g / unit);
    want_square += (w / unit) * (w / unit);
    product += (g / unit) * (w / unit);
    difference_square += d * d;
  });
  const double rms = finite > 0 ? unit * std::sqrt(want_square / static_cast<double>(finite)) : 0;
  const double norm = std::sqrt(static_cast<double>(finite)) * (absolute ? 1 : std::max(rms, options.floor)) / unit;
  result.relative_l2 = difference_square > 0 ? std::sqrt(difference_square) / norm : 0;
  // Noise around zero points anywhere, so a direction counts only where there is something above the floor.
  if (!absolute && got_square > 0 && want_square > 0 && !(rms <= options.floor))
    result.cosine = std::min(1.0, product / std::sqrt(got_square) / std::sqrt(want_square));

  for_each(got, want, options, [&](const Coordinate& at, std::size_t row, double g, double w) {
    if (!std::isfinite(g) || !std::isfinite(w)) return;
    const double d = difference(g, w);
    const double error = absolute ? d : d > 0 ? d / std::max({std::abs(w), rms, options.floor}) : 0;
    result.row_errors[row] = std::max(result.row_errors[row], error);
    if (error > result.max_error) {
      result.max_error = error;
      result.worst = at;
      result.got = g;
      result.want = w;
    }
  });
  return result;
}

bool within(const Comparison& c, const Tolerance& t) { return explain(c, t).empty(); }

std::string explain(const Comparison& c, const Tolerance& t) {
  if (c.nonfinite_differences > 0)
    return fmt::format("{} non-finite elements differ, first at {}: {} where {} is right", c.nonfinite_differences,
                       describe(c.first_nonfinite), c.nonfinite_got, c.nonfinite_want);
  const std::string where = fmt::format("worst at {}: {:.6g} where {:.6g} is right", describe(c.worst), c.got, c.want);
  if (!(c.relative_l2 <= t.relative_l2))
    return fmt::format("{} error {:.3g}, allowed {:.1e}; {}", c.absolute ? "root mean square" : "relative L2",
                       c.relative_l2, t.relative_l2, where);
  if (!(1 - c.cosine <= t.cosine))
    return fmt::format("1 - cosine is {:.3g}, allowed {:.1e}; {}", 1 - c.cosine, t.cosine, where);
  if (!(c.max_error <= t.element))
    return fmt::format("largest {} error {:.3g}, allowed {:.1e}; {}", c.absolute ? "absolute" : "element", c.max_error,
                       t.element, where);
  return {};
}

template <class T>
Tensor<double> in_double(TensorView<const T> view) {
  Tensor<double> copy(view.shape);
  const Shape& s = view.shape;
  double* out = copy.data();
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t h = 0; h < s.heads; ++h)
      for (std::int64_t t = 0; t < s.tokens; ++t)
        for (std::int64_t d = 0; d < s.dim; ++d) {
          if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>)
            *out++ = view(b, h, t, d);
          else
            *out++ = static_cast<float>(view(b, h, t, d));
        }
  return copy;
}

template Tensor<double> in_double(TensorView<const float>);
template Tensor<double> in_double(TensorView<const double>);
template Tensor<double> in_double(TensorView<const half>);
template Tensor<double> in_double(TensorView<const bfloat16>);

}  // namespace llsa::compare

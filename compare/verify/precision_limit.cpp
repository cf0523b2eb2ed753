#include "compare/verify/precision_limit.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace llsa::compare::verify {
namespace {

/// Logarithms of what a head's elements come to, so that no product overflows here.
struct Sizes {
  double largest = 0;  ///< of max |x|
  double sum = 0;      ///< of the largest sum of |x| over all tokens of one component
  double row = 0;      ///< of the largest sum of |x| over one token
};

Sizes sizes_of(const Tensor<double>& tensor, std::int64_t head) {
  const auto x = tensor.view().head(head);
  long double largest = 0, row = 0;
  std::vector<long double> sums(static_cast<std::size_t>(x.dim));
  for (std::int64_t t = 0; t < x.tokens; ++t) {
    long double of_row = 0;
    for (std::int64_t d = 0; d < x.dim; ++d) {
      if (!std::isfinite(x(t, d))) continue;
      const long double size = std::abs(static_cast<long double>(x(t, d)));
      largest = std::max(largest, size);
      of_row += size;
      sums[static_cast<std::size_t>(d)] += size;
    }
    row = std::max(row, of_row);
  }
  const auto log = [](long double size) { return static_cast<double>(std::log(size)); };
  return {log(largest), log(*std::max_element(sums.begin(), sums.end())), log(row)};
}

}  // namespace

PrecisionLimit precision_limit(const Problem<double>& p, DType arithmetic) {
  const double most = std::log(arithmetic == DType::f64 ? std::numeric_limits<double>::max()
                                                        : static_cast<double>(std::numeric_limits<float>::max()));
  PrecisionLimit limit{std::vector<char>(static_cast<std::size_t>(p.head_count()), 0), {}};
  const ResolvedOptions resolved = p.resolved();
  const double scale = std::max(0.0, std::log(std::abs(resolved.scale)));
  for (std::int64_t head = 0; head < p.head_count(); ++head) {
    const std::int64_t shared = resolved.key_head(head);
    const Sizes q = sizes_of(p.query, head), k = sizes_of(p.key, shared), v = sizes_of(p.value, shared);
    const auto check = [&](const char* what, double size) {
      if (!(size > most)) return;
      limit.heads[static_cast<std::size_t>(head)] = 1;
      if (limit.what.empty())
        limit.what =
            fmt::format("the inputs exceed the precision: {} reach 1e{:.1f} in head {}, {} holds up to 1e{:.1f}", what,
                        size / std::log(10.0), head, arithmetic == DType::f64 ? "f64" : "f32", most / std::log(10.0));
    };
    check("sums of q", q.sum);
    check("sums of k", k.sum);
    check("sums of v", v.sum);
    check("scores", scale + std::min(q.largest + k.row, q.row + k.largest));
    if (!p.has_gradient()) continue;
    const Sizes output_gradient = sizes_of(p.output_gradient, head);
    const double score_gradient = std::min(output_gradient.largest + v.row, output_gradient.row + v.largest);
    check("sums of grad_output", output_gradient.sum);
    check("products of grad_output and v", score_gradient);
    check("sums that make dq", scale + score_gradient + k.sum);
    check("sums that make dk", scale + score_gradient + q.sum);
  }
  return limit;
}

}  // namespace llsa::compare::verify

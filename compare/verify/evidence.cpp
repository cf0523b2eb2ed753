#include "compare/verify/evidence.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "compare/comparator.hpp"

namespace llsa::compare::verify {

void Evidence::Sums::add(const GivenRows& given, std::int64_t head, std::int64_t i, const std::vector<double>& row) {
  if (given.got == nullptr) return;
  const double* got = given.got->values.view().head(head).row(i);
  for (std::size_t d = 0; d < row.size(); ++d) {
    const double w = rounded_to(given.got->stored, row[d]);
    const bool same = got[d] == w || (std::isnan(got[d]) && std::isnan(w));
    const double off = same ? 0 : got[d] - w;
    difference += std::isfinite(off) ? off * off : std::numeric_limits<double>::infinity();
    if (std::isfinite(w)) want += w * w;
    ++elements;
  }
}

double Evidence::Sums::error(const GivenRows& given) const {
  if (given.got == nullptr || difference == 0) return 0;
  const double size = given.absolute ? 1 : std::max(std::sqrt(want / elements), given.unit);
  return std::sqrt(difference / elements) / (given.allowed * size);
}

std::vector<double> Evidence::query_gradient(std::int64_t head, std::int64_t i, const DefinedRow& row) const {
  const Problem<double>& p = evaluator_.problem();
  const std::int64_t dim = p.query.shape().dim, value_dim = p.value.shape().dim;
  const double* output_gradient = p.output_gradient.view().head(head).row(i);
  const double lse_gradient = p.has_lse_gradient() ? p.lse_gradient.view().head(head)(i, 0) : 0;
  const double constant =
      lse_gradient - std::inner_product(output_gradient, output_gradient + value_dim, row.output.data(), 0.0);
  std::vector<double> result(static_cast<std::size_t>(dim));
  for (std::size_t j = 0; j < row.keys.size(); ++j) {
    const double* k = evaluator_.key(definition_, head, row.keys[j]);
    const double* v = evaluator_.value(definition_, head, row.keys[j]);
    const double score_gradient = definition_.options.scale * row.probability[j] *
                                  (std::inner_product(output_gradient, output_gradient + value_dim, v, 0.0) + constant);
    for (std::int64_t d = 0; d < dim; ++d) result[static_cast<std::size_t>(d)] += score_gradient * k[d];
  }
  return result;
}

double Evidence::error(std::int64_t head, TokenRange rows, const Selection& lists) const {
  Sums output, lse, gradient;
  const auto worst = [&] {
    return std::max({output.error(output_), lse.error(lse_), gradient.error(query_gradient_)});
  };
  for (std::int64_t i = rows.begin; i < rows.end; ++i) {
    const DefinedRow row = evaluator_.row(definition_, head, i, &lists);
    output.add(output_, head, i, row.output);
    lse.add(lse_, head, i, {row.lse});
    if (query_gradient_.got != nullptr) gradient.add(query_gradient_, head, i, query_gradient(head, i, row));
    // Another selection shows in its first row already.
    if (i == rows.begin && !(worst() <= 4)) break;
  }
  return worst();
}

}  // namespace llsa::compare::verify

#include "compare/verify/diagnose.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace llsa::compare::verify {

void Explanations::add(const std::string& name, const Comparison& comparison) {
  if (within(comparison, tolerance_)) fitting_.push_back(name);
  if (comparison.nonfinite_differences == 0 && comparison.relative_l2 < closest_error_) {
    closest_error_ = comparison.relative_l2;
    closest_ = name;
  }
}

std::string Explanations::text(double error) const {
  if (fitting_.size() == 1) return "looks like: " + fitting_.front();
  if (fitting_.size() > 1) {
    constexpr std::size_t most = 4;
    const std::vector<std::string> others(
        fitting_.begin() + 1, fitting_.begin() + static_cast<std::ptrdiff_t>(std::min(most, fitting_.size())));
    return fmt::format("looks like: {} (for these inputs the same as: {})", fitting_.front(), fmt::join(others, "; "));
  }
  if (closest_error_ < 0.3 * error)
    return fmt::format("no alternative definition fits; closest: {} (relative L2 error {:.2g} instead of {:.2g})",
                       closest_, closest_error_, error);
  return {};
}

Tensor<double> one_head(const Tensor<double>& tensor, std::int64_t head) {
  if (tensor.flat().empty()) return {};
  const Shape& s = tensor.shape();
  Tensor<double> result({1, 1, s.tokens, s.dim});
  const auto part = tensor.flat().subspan(static_cast<std::size_t>(head * s.tokens * s.dim),
                                          static_cast<std::size_t>(s.tokens * s.dim));
  std::copy(part.begin(), part.end(), result.data());
  return result;
}

Problem<double> one_head(const Problem<double>& p, std::int64_t head) {
  return {one_head(p.query, head),           one_head(p.key, head),          one_head(p.value, head),
          one_head(p.output_gradient, head), one_head(p.lse_gradient, head), p.options};
}

Selection one_head(const Selection& selection, const ResolvedOptions& options, std::int64_t head) {
  Selection result(1, options);
  for (int l = 1; l <= options.levels; ++l) {
    const LevelSelection& from = selection.level(l);
    const auto rows = static_cast<std::ptrdiff_t>(from.queries * from.width);
    result.level(l) = {
        1, from.queries, from.width, {from.indices.begin() + head * rows, from.indices.begin() + (head + 1) * rows}};
  }
  return result;
}

}  // namespace llsa::compare::verify

#include "reference/one_query.hpp"

#include <cmath>
#include <limits>

namespace llsa::reference {

double softmax(std::span<double> scores) {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  for (const double score : scores)
    if (!(score <= largest)) largest = score;  // NaN too
  for (const double score : scores) sum += std::exp(score - largest);
  const double lse = largest + std::log(sum);
  for (double& score : scores) score = std::exp(score - lse);
  return lse;
}

void spread(const Hierarchy& keys, int level, std::int64_t token, double probability,
            const std::vector<std::int64_t>& cell_of, std::span<double> cells) {
  const TokenRange fine = keys.fine(level, token);
  const double each = probability / static_cast<double>(fine.size());
  for (std::int64_t t = fine.begin; t < fine.end; ++t)
    cells[static_cast<std::size_t>(cell_of[static_cast<std::size_t>(t)])] += each;
}

}  // namespace llsa::reference

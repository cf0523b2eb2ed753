#include "compare/profile/fit.hpp"

#include <algorithm>
#include <cmath>

namespace llsa::compare::profile {

std::vector<CostPoint> cost_curve(const Profile& profile, std::string_view method, std::string_view pass) {
  std::vector<CostPoint> curve;
  for (const ProfileSize& size : profile.sizes)
    if (const ProfileSeries* series = profile.find(method, pass, "total", size.tokens))
      curve.push_back({static_cast<double>(size.tokens), median(series->seconds())});
  return curve;
}

Crossover crossover(const std::vector<CostPoint>& llsa, const std::vector<CostPoint>& dense) {
  struct Gap {
    double tokens, log_ratio;  // positive where LLSA is slower
  };
  std::vector<Gap> gaps;
  for (const CostPoint& a : llsa)
    for (const CostPoint& b : dense)
      if (a.tokens == b.tokens) gaps.push_back({a.tokens, std::log(a.seconds / b.seconds)});
  if (gaps.empty()) return {};
  const auto last_slower = std::find_if(gaps.rbegin(), gaps.rend(), [](const Gap& gap) { return gap.log_ratio >= 0; });
  if (last_slower == gaps.rend()) return {Crossover::Kind::always_faster, 0};
  if (last_slower == gaps.rbegin()) return {Crossover::Kind::never_faster, 0};
  const Gap &slower = *last_slower, &faster = *std::prev(last_slower);
  const double t = slower.log_ratio / (slower.log_ratio - faster.log_ratio);
  return {Crossover::Kind::between, std::exp(std::lerp(std::log(slower.tokens), std::log(faster.tokens), t))};
}

}  // namespace llsa::compare::profile

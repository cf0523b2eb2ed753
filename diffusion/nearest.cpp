#include "diffusion/nearest.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "diffusion/pictures.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace {

/// The sum of squares, or something not below `bound` as soon as it is known to be none.
double squares_below(std::span<const float> a, std::span<const float> b, double bound) {
  constexpr std::size_t part = 512;
  double sum = 0;
  for (std::size_t begin = 0; begin < a.size() && sum < bound; begin += part) {
    const std::size_t end = std::min(a.size(), begin + part);
    float some = 0;
    for (std::size_t i = begin; i < end; ++i) some += (a[i] - b[i]) * (a[i] - b[i]);
    sum += double(some);
  }
  return sum;
}

}  // namespace

std::vector<double> nearest_distances(std::span<const float> pictures, const datasets::Dataset& set,
                                      const ModelConfig& config, ThreadPool& threads) {
  set.expect_possible(config.extent);
  const auto elements = std::size_t(config.image_elements());
  const std::size_t count = pictures.size() / elements;
  // Each thread keeps the smallest that it met; the smallest of these does not depend on who met what.
  std::vector<std::vector<double>> best(std::size_t(threads.threads()),
                                        std::vector<double>(count, std::numeric_limits<double>::infinity()));
  std::vector<std::vector<float>> candidates(best.size(), std::vector<float>(elements));
  constexpr std::int64_t chunk = 16;
  threads.parallel_for((set.size() + chunk - 1) / chunk, [&](std::int64_t item, int worker) {
    std::vector<float>& candidate = candidates[std::size_t(worker)];
    std::vector<double>& mine = best[std::size_t(worker)];
    for (std::int64_t index = item * chunk; index < std::min(set.size(), (item + 1) * chunk); ++index) {
      datasets::Sample sample;
      try {
        sample = set.item(index, config.extent);
      } catch (const Cancelled&) {
        throw;
      } catch (const Error&) {
        continue;
      }
      for (const bool mirror : {false, true}) {
        to_numbers(sample.frames, config.channels, mirror, candidate);
        for (std::size_t i = 0; i < count; ++i)
          mine[i] = std::min(mine[i], squares_below(pictures.subspan(i * elements, elements), candidate, mine[i]));
      }
    }
  });
  std::vector<double> distances = best.front();
  for (const std::vector<double>& other : best)
    for (std::size_t i = 0; i < count; ++i) distances[i] = std::min(distances[i], other[i]);
  for (double& distance : distances) distance = std::sqrt(distance / double(elements));
  return distances;
}

}  // namespace llsa::diffusion

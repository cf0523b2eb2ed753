#include "compare/tables/denoising.hpp"

#include <algorithm>
#include <vector>

#include "diffusion/random.hpp"

namespace llsa::compare::tables {

double denoising_error(diffusion::Runner& runner, std::span<const float> weights, const diffusion::FlowConfig& flow,
                       std::uint64_t seed, std::span<const float> pictures, std::span<const std::int32_t> labels) {
  const auto elements = static_cast<std::size_t>(runner.model.config().image_elements());
  const auto pass = static_cast<std::size_t>(runner.model.plan().batch);
  std::vector<float> noise(elements), times(pass);
  diffusion::AlignedVector<float> noisy(pass * elements), velocity(noisy.size());
  double sum = 0;
  for (const double level : denoising_levels) {
    const double t = level / (level + flow.noise_scale);
    std::ranges::fill(times, static_cast<float>(t));
    for (std::size_t first = 0; first < labels.size(); first += pass) {
      const std::size_t now = std::min(pass, labels.size() - first);
      for (std::size_t i = 0; i < now; ++i) {
        diffusion::RandomSequence(seed, diffusion::Purpose::validation_noise, first + i).fill_normal(std::span(noise));
        for (std::size_t e = 0; e < elements; ++e)
          noisy[i * elements + e] =
              static_cast<float>((1 - t) * static_cast<double>(pictures[(first + i) * elements + e]) +
                                 t * flow.noise_scale * static_cast<double>(noise[e]));
      }
      runner.model.forward(weights, static_cast<std::int64_t>(now), noisy.data(), times.data(), labels.data() + first,
                           velocity.data());
      for (std::size_t i = 0; i < now * elements; ++i) {
        const double found = static_cast<double>(noisy[i]) - t * static_cast<double>(velocity[i]);
        const double error = found - static_cast<double>(pictures[first * elements + i]);
        sum += error * error;
      }
    }
  }
  return sum / static_cast<double>(std::size(denoising_levels) * labels.size() * elements);
}

}  // namespace llsa::compare::tables

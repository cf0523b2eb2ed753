#include "diffusion/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "diffusion/philox.hpp"

namespace llsa::diffusion {
namespace {

double unit(std::uint32_t word) { return (double(word) + 0.5) * 0x1p-32; }

std::pair<double, double> box_muller(std::uint32_t first, std::uint32_t second) {
  const double radius = std::sqrt(-2 * std::log(unit(first)));
  const double angle = 2 * std::numbers::pi * unit(second);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

std::array<std::uint32_t, 4> four_words(std::uint64_t seed, Purpose purpose, std::uint64_t sequence,
                                        std::uint64_t group) {
  return philox4x32_10({static_cast<std::uint32_t>(group), static_cast<std::uint32_t>(sequence),
                        static_cast<std::uint32_t>(sequence >> 32), static_cast<std::uint32_t>(purpose)},
                       {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
}

}  // namespace

std::uint32_t RandomSequence::word(std::uint64_t index) const {
  return four_words(seed_, purpose_, sequence_, index / 4)[index % 4];
}

double RandomSequence::uniform(std::uint64_t index) const { return unit(word(index)); }

double RandomSequence::normal(std::uint64_t index) const {
  const auto words = four_words(seed_, purpose_, sequence_, index / 4);
  const std::size_t pair = index % 4 / 2 * 2;
  const auto [even, odd] = box_muller(words[pair], words[pair + 1]);
  return index % 2 == 0 ? even : odd;
}

template <class T>
void RandomSequence::fill_normal(std::span<T> values, double scale) const {
  for (std::size_t begin = 0; begin < values.size(); begin += 4) {
    const auto words = four_words(seed_, purpose_, sequence_, begin / 4);
    const auto [a, b] = box_muller(words[0], words[1]);
    const auto [c, d] = box_muller(words[2], words[3]);
    const double four[4] = {a, b, c, d};
    for (std::size_t i = begin; i < std::min(begin + 4, values.size()); ++i) values[i] = T(scale * four[i - begin]);
  }
}

template void RandomSequence::fill_normal(std::span<float>, double) const;
template void RandomSequence::fill_normal(std::span<double>, double) const;

}  // namespace llsa::diffusion

#pragma once

#include <cstdint>
#include <span>

namespace llsa::diffusion {

/// What random numbers are for. Different purposes never share a number. The values are part of a run's definition.
enum class Purpose : std::uint32_t {
  initial_weights = 1,
  training_noise = 3,
  training_time = 4,
  label_dropout = 5,
  mirror = 6,
  sampling_noise = 7,
  validation_noise = 8,
  validation_time = 9,
  directions = 10,
  stage_noise = 11,
};

/// An endless sequence of random numbers, addressed by index: a pure function of (seed, purpose, sequence, index), so
/// that there is no generator state to save. Uses Philox4x32-10 with the seed as key.
class RandomSequence {
 public:
  RandomSequence(std::uint64_t seed, Purpose purpose, std::uint64_t sequence)
      : seed_(seed), purpose_(purpose), sequence_(sequence) {}

  /// Uniform 32-bit word; index < 2^34.
  std::uint32_t word(std::uint64_t index) const;
  /// Uniform in (0, 1): `(word + 0.5) / 2^32`.
  double uniform(std::uint64_t index) const;
  /// Standard normal, by Box and Muller's transform of words 2 floor(index / 2) and the next.
  double normal(std::uint64_t index) const;
  /// `values[i] = scale * normal(i)`.
  template <class T>
  void fill_normal(std::span<T> values, double scale = 1) const;

 private:
  std::uint64_t seed_;
  Purpose purpose_;
  std::uint64_t sequence_;
};

}  // namespace llsa::diffusion

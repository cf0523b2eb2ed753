#include "diffusion/random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "diffusion/philox.hpp"

namespace llsa::diffusion {
namespace {

using Words = std::array<std::uint32_t, 4>;

TEST(Philox, gives_the_known_answers_published_with_random123) {
  EXPECT_EQ(philox4x32_10({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32_10({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomSequence, addresses_every_word_by_seed_purpose_sequence_and_index) {
  std::set<std::uint32_t> words;
  for (std::uint64_t seed : {std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{1} << 32}) {
    for (Purpose purpose : {Purpose::training_noise, Purpose::training_time}) {
      for (std::uint64_t sequence : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32}) {
        for (std::uint64_t index = 0; index < 9; ++index)
          words.insert(RandomSequence(seed, purpose, sequence).word(index));
      }
    }
  }
  EXPECT_EQ(words.size(), 3u * 2 * 3 * 9);
}

TEST(RandomSequence, fills_with_the_same_numbers_that_it_gives_one_by_one) {
  const RandomSequence random(7, Purpose::sampling_noise, 3);
  for (std::size_t size : {1, 2, 3, 4, 7, 8}) {
    std::vector<double> values(size);
    random.fill_normal(std::span(values), 2);
    for (std::size_t i = 0; i < size; ++i) EXPECT_EQ(values[i], 2 * random.normal(i));
  }
}

TEST(RandomSequence, normal_numbers_have_the_moments_of_a_normal_distribution) {
  const RandomSequence random(7, Purpose::training_noise, 0);
  const int count = 200'000;
  double moments[5] = {};
  double neighbours = 0;
  for (int i = 0; i < count; ++i) {
    const double x = random.normal(std::uint64_t(i));
    for (int power = 1; power <= 4; ++power) moments[power] += std::pow(x, power) / count;
    neighbours += x * random.normal(std::uint64_t(i) + 1) / count;
  }
  EXPECT_NEAR(moments[1], 0, 0.01);
  EXPECT_NEAR(moments[2], 1, 0.015);
  EXPECT_NEAR(moments[3], 0, 0.03);
  EXPECT_NEAR(moments[4], 3, 0.1);
  EXPECT_NEAR(neighbours, 0, 0.01);
}

TEST(RandomSequence, uniform_numbers_stay_inside_zero_and_one) {
  const RandomSequence random(7, Purpose::training_time, 0);
  double sum = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const double u = random.uniform(i);
    ASSERT_TRUE(u > 0 && u < 1);
    sum += u;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.005);
}

}  // namespace
}  // namespace llsa::diffusion

#include "diffusion/metrics.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <complex>
#include <numeric>

#include "gradient_check.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion::testing {
namespace {

AlignedVector<float> floats(const Numbers& numbers) { return {numbers.begin(), numbers.end()}; }

TEST(SlicedWasserstein, is_the_best_matching_over_all_permutations_in_one_dimension) {
  ThreadPool threads(2);
  const AlignedVector<float> a = floats(normal_numbers(6, 1)), b = floats(normal_numbers(6, 2));
  std::vector<int> order(6);
  std::iota(order.begin(), order.end(), 0);
  double best = 1e300;
  do {
    double cost = 0;
    for (std::size_t i = 0; i < 6; ++i) cost += std::pow(double(a[i]) - double(b[std::size_t(order[i])]), 2) / 6;
    best = std::min(best, cost);
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_NEAR(sliced_wasserstein(a, b, 1, 5, 1, threads), std::sqrt(best), 1e-9);
}

TEST(SlicedWasserstein, of_a_shift_is_its_length_over_the_root_of_the_dimension) {
  ThreadPool threads(2);
  const std::int64_t dim = 12, count = 50;
  const AlignedVector<float> a = floats(normal_numbers(dim * count, 1));
  AlignedVector<float> b = a;
  for (std::size_t i = 0; i < b.size(); ++i) b[i] += 0.5f;
  // The mean square of a unit vector's product with (0.5, ..., 0.5) is 0.25 * dim / dim.
  EXPECT_NEAR(sliced_wasserstein(a, b, dim, 4000, 1, threads), 0.5, 0.02);
  EXPECT_EQ(sliced_wasserstein(a, a, dim, 10, 1, threads), 0);
  EXPECT_EQ(sliced_wasserstein(a, b, dim, 10, 1, threads), sliced_wasserstein(b, a, dim, 10, 1, threads));
  EXPECT_THROW(sliced_wasserstein(a, std::span(b).first(12), dim, 10, 1, threads), Error);
}

TEST(Spectrum, is_that_of_the_definition_by_brute_force) {
  ThreadPool threads(2);
  for (const std::int64_t n : {5, 6}) {
    const AlignedVector<float> pictures = floats(normal_numbers(2 * 3 * n * n, 1));
    const auto spectrum = radial_spectrum(pictures, 3, files::square(n), threads);
    ASSERT_EQ(spectrum.size(), std::size_t(n / 2 + 1));
    std::vector<double> power(spectrum.size()), count(spectrum.size());
    for (std::int64_t v = -((n - 1) / 2); v <= n / 2; ++v) {
      for (std::int64_t u = -((n - 1) / 2); u <= n / 2; ++u) {
        const auto r = std::size_t(std::lround(std::hypot(double(v), double(u))));
        if (r >= power.size()) continue;
        for (std::int64_t plane = 0; plane < 6; ++plane) {
          std::complex<double> sum = 0;
          for (std::int64_t y = 0; y < n; ++y) {
            for (std::int64_t x = 0; x < n; ++x) {
              sum += double(pictures[std::size_t((plane * n + y) * n + x)]) *
                     std::polar(1.0, -2 * M_PI * double(v * y + u * x) / double(n));
            }
          }
          power[r] += std::norm(sum) / double(n * n);
          count[r] += 1;
        }
      }
    }
    for (std::size_t r = 0; r < power.size(); ++r) EXPECT_NEAR(spectrum[r], power[r] / count[r], 1e-6);
  }
}

TEST(Spectrum, of_white_noise_is_flat_and_twice_the_amplitude_is_six_decibels) {
  ThreadPool threads(2);
  const AlignedVector<float> noise = floats(normal_numbers(64 * 256, 1));
  AlignedVector<float> loud = noise;
  for (float& x : loud) x *= 2;
  const auto a = radial_spectrum(noise, 1, files::square(16), threads),
             b = radial_spectrum(loud, 1, files::square(16), threads);
  for (double power : a) EXPECT_NEAR(power, 1, 0.3);
  EXPECT_NEAR(spectrum_distance(b, a), 20 * std::log10(2), 1e-6);
  EXPECT_EQ(spectrum_distance(a, a), 0);
}

TEST(Moments, of_every_channel_are_those_of_their_formulas) {
  // Two pictures of 1 x 2 x 2 ... channel 0 holds 0 and 3 (once in four), channel 1 is constant.
  const std::vector<float> pictures = {0, 0, 0, 4, 7, 7, 7, 7, 0, 0, 0, 4, 7, 7, 7, 7};
  const auto moments = channel_moments(pictures, 2, files::square(2));
  EXPECT_DOUBLE_EQ(moments[0].mean, 1);
  EXPECT_DOUBLE_EQ(moments[0].deviation, std::sqrt(3));
  EXPECT_NEAR(moments[0].skewness, (27 - 3) / 4.0 / std::pow(3, 1.5), 1e-12);
  EXPECT_DOUBLE_EQ(moments[1].mean, 7);
  EXPECT_EQ(moments[1].deviation, 0);
  EXPECT_EQ(moments[1].skewness, 0);
  const std::vector<ChannelMoments> other = {{1, 1, 1}, {4, 0, 0}};
  const MomentDistance d = moment_distance(moments, other);
  EXPECT_DOUBLE_EQ(d.mean, 3);
  EXPECT_DOUBLE_EQ(d.deviation, std::sqrt(3) - 1);
}

TEST(PictureDifference, is_mean_root_and_largest) {
  const Difference d = difference(std::vector<float>{0, 1, 2, 3}, std::vector<float>{0, 1, 1, 6});
  EXPECT_DOUBLE_EQ(d.mean_absolute, 1);
  EXPECT_DOUBLE_EQ(d.root_mean_square, std::sqrt(2.5));
  EXPECT_DOUBLE_EQ(d.largest, 3);
  EXPECT_DOUBLE_EQ(d.psnr, 10 * std::log10(4 / 2.5));
  EXPECT_TRUE(std::isinf(difference(std::vector<float>{1}, std::vector<float>{1}).psnr));
}

}  // namespace
}  // namespace llsa::diffusion::testing

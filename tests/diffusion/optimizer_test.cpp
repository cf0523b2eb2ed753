#include "diffusion/optimizer.hpp"

#include <gtest/gtest.h>

#include <numbers>

#include "gradient_check.hpp"

namespace llsa::diffusion::testing {
namespace {

TEST(AdamW, follows_its_closed_form_under_a_constant_gradient) {
  ThreadPool threads(1);
  const AdamConfig config{.learning_rate = 0.01, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-3, .weight_decay = 0.1};
  Numbers weights = {1.0, -2.0}, first(2, 0.0), second(2, 0.0);
  const Numbers gradients = {0.5, -4.0};
  const double scale = 0.5;
  Numbers expected = weights;
  for (int step = 1; step <= 20; ++step) {
    adamw_step<double>(weights, gradients, first, second, step, config, scale, threads);
    for (std::size_t i = 0; i < 2; ++i) {
      const double g = scale * gradients[i];
      // A constant gradient's corrected moments are g and g^2 at every step.
      expected[i] = expected[i] - 0.01 * 0.1 * expected[i] - 0.01 * g / (std::abs(g) + 1e-3);
      ASSERT_NEAR(weights[i], expected[i], 1e-12) << "step " << step;
      ASSERT_NEAR(first[i], g * (1 - std::pow(0.9, step)), 1e-12);
      ASSERT_NEAR(second[i], g * g * (1 - std::pow(0.99, step)), 1e-12);
    }
  }
}

TEST(Average, is_the_geometrically_weighted_sum_of_all_weights) {
  ThreadPool threads(1);
  Numbers average = {3.0};
  double expected = 3.0 * std::pow(0.9, 10);
  for (int step = 0; step < 10; ++step) {
    const Numbers weights = {double(step * step)};
    update_average<double>(average, weights, 0.9, threads);
    expected += 0.1 * std::pow(0.9, 9 - step) * double(step * step);
  }
  EXPECT_NEAR(average[0], expected, 1e-12);
}

TEST(Average, decays_faster_while_it_is_young) {
  EXPECT_DOUBLE_EQ(average_decay(0.999, 0), 0.1);
  EXPECT_DOUBLE_EQ(average_decay(0.999, 90), 0.91);
  EXPECT_DOUBLE_EQ(average_decay(0.999, 1'000'000), 0.999);
}

TEST(Clip, brings_the_norm_down_to_the_limit_and_leaves_smaller_ones_alone) {
  ThreadPool threads(2);
  const Numbers values = normal_numbers(100'000, 1);
  const double norm = euclidean_norm<double>(values, threads);
  EXPECT_NEAR(norm, std::sqrt(dot(values, values)), 1e-9 * norm);
  EXPECT_DOUBLE_EQ(clip_factor(norm, 1) * norm, 1);
  EXPECT_EQ(clip_factor(0.5, 1), 1);
  EXPECT_EQ(clip_factor(100, 0), 1) << "0 turns clipping off";
}

TEST(Schedule, rises_linearly_then_stays_or_falls_along_a_cosine) {
  EXPECT_DOUBLE_EQ(scheduled_rate(2, 0, 10, false, 100), 0.2);
  EXPECT_DOUBLE_EQ(scheduled_rate(2, 9, 10, false, 100), 2);
  EXPECT_DOUBLE_EQ(scheduled_rate(2, 99, 10, false, 100), 2);
  EXPECT_DOUBLE_EQ(scheduled_rate(2, 10, 10, true, 110), 2);
  EXPECT_DOUBLE_EQ(scheduled_rate(2, 60, 10, true, 110), 1);
  EXPECT_NEAR(scheduled_rate(2, 110, 10, true, 110), 0, 1e-12);
  EXPECT_NEAR(scheduled_rate(2, 35, 10, true, 110), 1 + std::cos(std::numbers::pi / 4), 1e-12);
}

TEST(Optimizer, gives_the_same_bits_for_any_number_of_threads) {
  const std::size_t size = 200'001;
  const Numbers start = normal_numbers(size, 1), g = normal_numbers(size, 2);
  const auto run = [&](int count) {
    ThreadPool threads(count);
    AlignedVector<float> w(start.begin(), start.end()), m(size), v(size), average = w;
    const AlignedVector<float> gradients(g.begin(), g.end());
    const double norm = euclidean_norm<float>(gradients, threads);
    adamw_step<float>(w, gradients, m, v, 1, {}, 1 / norm, threads);
    update_average<float>(average, w, 0.5, threads);
    w.insert(w.end(), average.begin(), average.end());
    return w;
  };
  EXPECT_EQ(run(1), run(3));
}

}  // namespace
}  // namespace llsa::diffusion::testing

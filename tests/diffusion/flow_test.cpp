#include "diffusion/flow.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "gradient_check.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion::testing {
namespace {

struct Point {
  Numbers noisy, velocity;
};

Point point(double t, double scale, const Numbers& picture, const Numbers& noise) {
  Point p{Numbers(picture.size(), NAN), Numbers(picture.size(), NAN)};
  flow_point<double>(t, scale, picture, noise, p.noisy, p.velocity);
  return p;
}

TEST(Flow, starts_at_the_picture_and_ends_at_the_scaled_noise) {
  const Numbers picture = normal_numbers(9, 1), noise = normal_numbers(9, 2);
  EXPECT_EQ(point(0, 3, picture, noise).noisy, picture);
  const Numbers end = point(1, 3, picture, noise).noisy;
  for (std::size_t i = 0; i < 9; ++i) EXPECT_DOUBLE_EQ(end[i], 3 * noise[i]);
}

RC_GTEST_PROP(Flow, follows_its_velocity_in_a_straight_line, ()) {
  const double t = *rc::gen::inRange(0, 1000) / 1000.0, u = *rc::gen::inRange(0, 1000) / 1000.0;
  const double scale = *rc::gen::inRange(1, 800) / 100.0;
  const Numbers picture = normal_numbers(5, 1), noise = normal_numbers(5, 2);
  const Point from = point(t, scale, picture, noise), to = point(u, scale, picture, noise);
  for (std::size_t i = 0; i < 5; ++i) {
    RC_ASSERT(std::abs(from.noisy[i] + (u - t) * from.velocity[i] - to.noisy[i]) <= 1e-12);
    RC_ASSERT(from.velocity[i] == to.velocity[i]);
  }
}

TEST(Flow, rescaled_noise_gives_a_large_picture_the_signal_to_noise_ratio_of_a_small_one) {
  EXPECT_EQ(resolution_ratio(files::square(16)), 1);
  EXPECT_EQ(resolution_ratio(files::square(64)), 1);
  EXPECT_EQ(resolution_ratio(files::square(256)), 4);
  // Averaged over s x s pixels, noise of deviation s has deviation 1, while a smooth picture stays as it is.
  const std::int64_t s = 4, cells = 4096;
  const Numbers noise = normal_numbers(cells * s * s, 3);
  const Numbers picture(noise.size(), 0.5);
  const double t = 0.6;
  const Point p = point(t, resolution_ratio(files::square(64 * s)), picture, noise);
  double mean = 0, variance = 0;
  for (std::int64_t cell = 0; cell < cells; ++cell) {
    double average = 0;
    for (std::int64_t i = 0; i < s * s; ++i) average += p.noisy[std::size_t(cell * s * s + i)] / double(s * s);
    mean += average / double(cells);
    variance += (average - (1 - t) * 0.5) * (average - (1 - t) * 0.5) / double(cells);
  }
  EXPECT_NEAR(mean, (1 - t) * 0.5, 0.03);
  EXPECT_NEAR(std::sqrt(variance), t, 0.03);
}

TEST(Flow, times_are_drawn_as_their_names_say) {
  const RandomSequence random(1, Purpose::training_time, 0);
  const auto quantile = [&](const FlowConfig& config, double share) {
    std::vector<double> times;
    for (std::uint64_t i = 0; i < 20'000; ++i) times.push_back(draw_time(config, random, i));
    std::sort(times.begin(), times.end());
    EXPECT_TRUE(times.front() > 0 && times.back() < 1);
    return times[std::size_t(share * double(times.size()))];
  };
  EXPECT_NEAR(quantile({}, 0.25), 0.25, 0.02);
  // The upper quartile of a normal distribution is 0.6745.
  EXPECT_NEAR(quantile({.time = TimeSampling::logit_normal}, 0.75), 1 / (1 + std::exp(-0.6745)), 0.02);
  EXPECT_NEAR(quantile({.time = TimeSampling::logit_normal}, 0.5), 0.5, 0.02);
  EXPECT_NEAR(quantile({.time = TimeSampling::shift, .time_shift = 4}, 0.5), 0.8, 0.02);
}

TEST(Flow, shifting_time_keeps_the_ends_and_multiplies_the_odds) {
  EXPECT_EQ(shifted_time(0, 3), 0);
  EXPECT_EQ(shifted_time(1, 3), 1);
  EXPECT_DOUBLE_EQ(shifted_time(0.3, 1), 0.3);
  const double t = shifted_time(0.3, 5);
  EXPECT_NEAR(t / (1 - t), 5 * 0.3 / 0.7, 1e-12);
}

TEST(Flow, squared_error_is_the_mean_and_its_gradient_agrees_with_central_differences) {
  Numbers prediction = normal_numbers(7, 1);
  const Numbers target = normal_numbers(7, 2);
  Numbers gradient(7, NAN);
  double expected = 0;
  for (std::size_t i = 0; i < 7; ++i) expected += (prediction[i] - target[i]) * (prediction[i] - target[i]) / 7;
  EXPECT_DOUBLE_EQ(squared_error<double>(prediction, target, 0.25, gradient), expected);
  expect_gradient("prediction", prediction, gradient,
                  [&] { return 0.25 * squared_error<double>(prediction, target, 1, {}); });
}

TEST(Flow, settings_survive_json_and_nonsense_is_refused) {
  const FlowConfig config{.noise_scale = 2, .time = TimeSampling::shift, .time_shift = 3};
  const FlowConfig back = flow_config_from(to_json(config));
  EXPECT_EQ(to_json(back), to_json(config));
  EXPECT_THROW(validate(FlowConfig{.noise_scale = 0}), Error);
  EXPECT_THROW(validate(FlowConfig{.noise_scale = NAN}), Error);
  EXPECT_THROW(validate(FlowConfig{.time_shift = 0.5}), Error);
  EXPECT_THROW(time_sampling_from("sometimes"), Error);
  EXPECT_THROW(flow_config_from(nlohmann::json::object()), Error);
}

}  // namespace
}  // namespace llsa::diffusion::testing

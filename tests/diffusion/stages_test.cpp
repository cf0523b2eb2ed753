#include "diffusion/stages.hpp"

#include <gtest/gtest.h>

#include "diffusion/flow.hpp"
#include "diffusion/solver.hpp"
#include "llsa/error.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

ModelConfig staged(std::int64_t stages, files::PictureExtent extent = files::square(16)) {
  ModelConfig config = small_training().model;
  config.extent = extent;
  config.stages = stages;
  return config;
}

AlignedVector<float> a_picture(const ModelConfig& config) {
  const Numbers numbers = normal_numbers(config.image_elements(), 5, 0.5);
  return {numbers.begin(), numbers.end()};
}

/// x_t and velocity of one draw.
struct Example {
  AlignedVector<float> noise, noisy, velocity;

  Example(const ModelConfig& whole, const Stage& stage, double t, double scale, std::span<const float> picture,
          std::uint64_t draw)
      : noise(std::size_t(stage.model.image_elements())), noisy(noise.size()), velocity(noise.size()) {
    stage_example(whole, stage, t, scale, picture, {3, Purpose::training_noise, draw}, noise, noisy, velocity);
  }
};

/// Mean and covariance of 2 x 2 neighbours over all such blocks of many draws, after what they should scatter around
/// has been taken away.
class BlockMoments {
 public:
  explicit BlockMoments(const ModelConfig& model) : width_(std::size_t(model.extent.width)) {}

  void add(std::span<const float> x, std::span<const float> expected) {
    for (std::size_t y = 0; y < x.size() / width_; y += 2) {
      for (std::size_t i = y * width_; i < (y + 1) * width_; i += 2, ++blocks_) {
        const std::size_t block[] = {i, i + 1, i + width_, i + width_ + 1};
        for (int p = 0; p < 4; ++p) {
          const double value = x[block[p]] - expected[block[p]];
          sum_[p] += value;
          for (int q = 0; q < 4; ++q) products_[p][q] += value * (x[block[q]] - expected[block[q]]);
        }
      }
    }
  }
  double blocks() const { return double(blocks_); }
  double mean(int p) const { return sum_[p] / blocks(); }
  double covariance(int p, int q) const { return products_[p][q] / blocks() - mean(p) * mean(q); }

 private:
  std::size_t width_;
  std::int64_t blocks_ = 0;
  double sum_[4] = {}, products_[4][4] = {};
};

TEST(Stages, the_end_of_a_stage_enlarged_and_renoised_has_mean_and_covariance_of_the_next_ones_start) {
  const ModelConfig config = staged(3);
  const auto stages = stages_of(config);
  AlignedVector<float> picture = a_picture(config);
  for (float& each : picture) each += 0.5f;  // so that a wrong factor shows in the mean
  for (const double scale : {1.0, 2.0}) {
    for (std::size_t k = 1; k < 3; ++k) {
      SCOPED_TRACE(k);
      const Stage& stage = stages[k];
      const Example start(config, stage, 1, scale, picture, 0);
      AlignedVector<float> expected = start.noisy, x(expected.size());
      for (std::size_t i = 0; i < x.size(); ++i) expected[i] -= float(stage.begin * scale) * start.noise[i];
      BlockMoments joined(stage.model), wanted(stage.model);
      for (std::uint64_t n = 1; joined.blocks() < 200'000; ++n) {
        begin_stage(stage, scale, Example(config, stages[k - 1], 0, scale, picture, n).noisy,
                    {4, Purpose::stage_noise, n}, x);
        joined.add(x, expected);
        wanted.add(Example(config, stage, 1, scale, picture, 1'000'000 + n).noisy, expected);
      }
      const double deviation = stage.begin * scale, variance = deviation * deviation;
      for (const BlockMoments* each : {&joined, &wanted}) {
        for (int p = 0; p < 4; ++p) {
          EXPECT_NEAR(each->mean(p), 0, 5 * deviation / std::sqrt(each->blocks())) << p;
          for (int q = 0; q < 4; ++q)
            EXPECT_NEAR(each->covariance(p, q), p == q ? variance : 0, 6 * variance / std::sqrt(each->blocks()))
                << p << ", " << q;
        }
      }
    }
  }
}

TEST(Stages, have_pixelflows_intervals) {
  // With time from noise to data the publication's stages start at o / (2 - o) for o = k / S and end at (k + 1) / S.
  for (const std::int64_t count : {2, 3, 4}) {
    const auto stages = stages_of(staged(count));
    double length = 0;
    for (std::int64_t k = 0; k < count; ++k) {
      const Stage& stage = stages[std::size_t(k)];
      const double o = double(k) / double(count);
      EXPECT_NEAR(1 - stage.begin, o / (2 - o), 1e-12);
      EXPECT_NEAR(1 - stage.end, double(k + 1) / double(count), 1e-12);
      EXPECT_EQ(stage.model.extent, files::square(16 >> (count - 1 - k)));
      EXPECT_EQ(stage.model.attention.method, k + 1 == count ? "llsa" : "full");
      length += stage.begin - stage.end;
    }
    for (const Stage& stage : stages) EXPECT_NEAR(stage.times, (stage.begin - stage.end) / length, 1e-12);
  }
}

TEST(Stages, tell_the_model_times_that_fall_from_one_to_zero_through_all_of_them) {
  const auto stages = stages_of(staged(3));
  EXPECT_NEAR(stages[0].model_time(1), 1, 1e-12);
  EXPECT_NEAR(stages[0].model_time(0), stages[1].model_time(1), 1e-12);
  EXPECT_NEAR(stages[1].model_time(0), stages[2].model_time(1), 1e-12);
  EXPECT_EQ(stages[2].model_time(0), 0);
}

TEST(Stages, one_is_the_plain_flow_bit_for_bit) {
  const ModelConfig config = staged(1);
  const Stage stage = stages_of(config).front();
  EXPECT_FALSE(stage.model.embeds_resolution());
  const auto picture = a_picture(config);
  for (const double t : {0.0, 0.3, 0.71, 1.0}) {
    EXPECT_EQ(stage.model_time(t), t);
    const Example own(config, stage, t, 1.7, picture, 8);
    AlignedVector<float> noise(picture.size()), noisy(picture.size()), velocity(picture.size());
    RandomSequence(3, Purpose::training_noise, 8).fill_normal(std::span<float>(noise));
    flow_point<float>(t, 1.7, picture, noise, noisy, velocity);
    EXPECT_EQ(own.noisy, noisy);
    EXPECT_EQ(own.velocity, velocity);
  }
}

TEST(Stages, are_straight_lines_from_the_coarse_picture_to_the_sharp_one) {
  const ModelConfig config = staged(3, {.frames = 1, .height = 16, .width = 8});
  const auto stages = stages_of(config);
  const auto picture = a_picture(config);
  AlignedVector<float> half(picture.size() / 4), quarter(picture.size() / 16), coarse(half.size());
  halve(3, 16, 8, picture, half);
  halve(3, 8, 4, half, quarter);
  enlarge(3, 4, 2, quarter, coarse);
  const Stage& middle = stages[1];
  const Example start(config, middle, 1, 1.5, picture, 2), end(config, middle, 0, 1.5, picture, 2),
      between(config, middle, 0.25, 1.5, picture, 2);
  for (std::size_t i = 0; i < half.size(); ++i) {
    const double e = 1.5 * start.noise[i];
    ASSERT_NEAR(start.noisy[i], (1 - middle.begin) * coarse[i] + middle.begin * e, 1e-5);
    ASSERT_NEAR(end.noisy[i], (1 - middle.end) * half[i] + middle.end * e, 1e-5);
    ASSERT_NEAR(between.noisy[i], end.noisy[i] + 0.25 * (start.noisy[i] - end.noisy[i]), 1e-5);
    ASSERT_NEAR(between.velocity[i], start.noisy[i] - end.noisy[i], 1e-5);
  }
}

TEST(Stages, with_the_velocity_of_one_picture_sampling_returns_that_picture) {
  const ModelConfig config = staged(3);
  const auto stages = stages_of(config);
  const auto picture = a_picture(config);
  constexpr double scale = 1.5;
  for (const Solver solver : {Solver::euler, Solver::heun, Solver::dpm2m}) {
    AlignedVector<float> x;
    for (const Stage& stage : stages) {
      // Without noise, x_0 and x_1 are what the picture alone gives.
      AlignedVector<float> next(std::size_t(stage.model.image_elements()));
      if (x.empty())
        RandomSequence(1, Purpose::sampling_noise, 0).fill_normal(std::span<float>(next), scale);
      else
        begin_stage(stage, scale, x, {1, Purpose::stage_noise, 0}, next);
      x = next;
      const Example start(config, stage, 1, scale, picture, 9), end(config, stage, 0, scale, picture, 9);
      const auto field = [&](double t, std::span<const float> at, std::span<float> velocity) {
        for (std::size_t i = 0; i < at.size(); ++i) {
          const double x1 = start.noisy[i] - stage.begin * scale * start.noise[i];
          const double x0 = end.noisy[i] - stage.end * scale * end.noise[i];
          const double e = (at[i] - (1 - t) * x0 - t * x1) / ((1 - t) * stage.end + t * stage.begin);
          velocity[i] = float(x1 - x0 + (stage.begin - stage.end) * e);
        }
      };
      solve(solver, field, sampling_times(3, 1), x);
    }
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], picture[i], 2e-5) << name_of(solver);
  }
}

TEST(Stages, halving_takes_means_and_enlarging_repeats) {
  const std::vector<float> picture{1, 3, 10, 20, 5, 7, 30, 40};
  std::vector<float> small(2), large(8);
  halve(1, 2, 4, picture, small);
  EXPECT_EQ(small, (std::vector<float>{4, 25}));
  enlarge(1, 1, 2, small, large);
  EXPECT_EQ(large, (std::vector<float>{4, 4, 25, 25, 4, 4, 25, 25}));
}

TEST(Stages, refuse_sides_that_cannot_be_halved_so_often) {
  const auto message = [](const ModelConfig& config) {
    try {
      stages_of(config);
    } catch (const Error& problem) {
      return std::string(problem.what());
    }
    return std::string();
  };
  EXPECT_EQ(
      message(staged(4, {.frames = 1, .height = 16, .width = 12})),
      "model stages is 4; it must be so many that 2^(stages - 1) x the patch size 1 divides the image size 16x12");
  EXPECT_EQ(message(staged(0)), "model stages is 0; it must be 1 to 8");
  EXPECT_EQ(message(staged(9)), "model stages is 9; it must be 1 to 8");
  EXPECT_EQ(message(staged(3, {.frames = 1, .height = 16, .width = 12})), "");
}

}  // namespace
}  // namespace llsa::diffusion::testing

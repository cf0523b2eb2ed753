// The landscape model that comes with the project.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "diffusion/data.hpp"
#include "diffusion/learner.hpp"
#include "diffusion/metrics.hpp"
#include "diffusion/sampler.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

const std::filesystem::path landscape64 =
    std::filesystem::path(LLSA_SOURCE_DIR) / "diffusion/checkpoints/landscape64.safetensors";

/// Seed 1 trained the model and seed 2 validated it; this one did neither.
Batch held_out(const ModelConfig& config, std::int64_t count) {
  return load_pictures(*datasets::open_landscapes(60'000, 3), config, 0, count, {});
}

TEST(LandscapeCheckpoint, is_a_pixel_model_that_attends_over_4096_tokens_by_two_levels) {
  EXPECT_LT(std::filesystem::file_size(landscape64), std::uintmax_t{4} << 20);
  const Model model = load_model(landscape64);
  EXPECT_EQ(model.config.tokens(), 4096);
  EXPECT_EQ(model.config.patch_size, 1);
  EXPECT_EQ(model.config.attention.method, "llsa");
  EXPECT_EQ(model.config.attention.options.block_size, 16);
  EXPECT_EQ(model.config.attention.options.levels, 2);
  EXPECT_EQ(model.config.class_names,
            (std::vector<std::string>{"meadow", "autumn", "winter", "lake", "coast", "desert"}));
  EXPECT_EQ(nlohmann::json::parse(model.training)["data"]["place"], "landscape:1");
}

TEST(LandscapeCheckpoint, has_a_known_loss_on_pictures_that_it_never_met) {
  const Model model = load_model(landscape64);
  const Batch real = held_out(model.config, 12);
  Runner runner(model.config, {.batch = 4}, "reference", 0);
  EXPECT_NEAR(validation_loss(runner.model, model.weights, model.flow, 1, real.pictures, real.labels, runner.threads),
              0.0821, 0.003);
}

TEST(LandscapeCheckpoint, samples_are_far_closer_to_real_pictures_than_noise_is) {
  const Model model = load_model(landscape64);
  const Batch real = held_out(model.config, 12);
  Runner runner(model.config, {.batch = 4}, "reference", 0);
  const SampleOptions options{.count = 12, .steps = 6, .solver = Solver::dpm2m, .labels = real.labels};
  const auto made = sample(runner.model, model.weights, model.flow, options);
  AlignedVector<float> noise(made.size());
  RandomSequence(1, Purpose::validation_noise, 1).fill_normal(std::span(noise));
  const auto distance = [&](const AlignedVector<float>& set) {
    return sliced_wasserstein(set, real.pictures, model.config.image_elements(), 64, 1, runner.threads);
  };
  EXPECT_LT(distance(made), 0.6 * distance(noise));
  for (const float value : made) ASSERT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace llsa::diffusion::testing

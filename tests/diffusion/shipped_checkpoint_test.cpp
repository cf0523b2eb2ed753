#include <gtest/gtest.h>

#include <filesystem>

#include "diffusion/data.hpp"
#include "diffusion/learner.hpp"
#include "diffusion/metrics.hpp"
#include "diffusion/sampler.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

const std::filesystem::path shipped =
    std::filesystem::path(LLSA_SOURCE_DIR) / "diffusion/checkpoints/shapes16.safetensors";

/// Seed 1 of the generated pictures trained the model and seed 2 chose its settings; this one did neither.
constexpr std::uint64_t held_out_seed = 3;

/// The model that comes with the project, under one kind of attention, on pictures it has never met.
struct Shipped {
  Model model = load_model(shipped);
  ModelConfig config = model.config;
  std::unique_ptr<Runner> runner;
  Batch real;

  explicit Shipped(const std::string& attention) {
    config.attention.method = attention;
    runner = std::make_unique<Runner>(config, DitPlan{.batch = 16}, "reference", 0);
    real = load_pictures(*datasets::open_shapes(60'000, held_out_seed), config, 0, 64, {});
  }
};

TEST(ShippedCheckpoint, is_small_labelled_and_attends_sparsely_by_itself) {
  EXPECT_LT(std::filesystem::file_size(shipped), std::uintmax_t{4} << 20);
  const ModelConfig config = load_model(shipped).config;
  EXPECT_EQ(config.classes, 10);
  EXPECT_EQ(config.attention.method, "llsa");
  EXPECT_EQ(config.attention.options.block_size, 16);
  EXPECT_EQ(config.attention.options.levels, 1);
  EXPECT_EQ(config.attention.options.top_k, (std::vector<std::int64_t>{4}));
}

TEST(ShippedCheckpoint, has_a_known_loss_under_dense_and_under_log_linear_attention) {
  for (const auto& [attention, known] : {std::pair{"full", 0.1935}, std::pair{"llsa", 0.1696}}) {
    Shipped s(attention);
    EXPECT_NEAR(validation_loss(s.runner->model, s.model.weights, s.model.flow, 1, s.real.pictures, s.real.labels,
                                s.runner->threads),
                known, 0.002)
        << attention;
  }
}

TEST(ShippedCheckpoint, samples_are_far_closer_to_real_pictures_than_noise_is) {
  for (const char* attention : {"full", "llsa"}) {
    Shipped s(attention);
    const std::int64_t count = 24;
    s.real.labels.resize(count);
    s.real.pictures.resize(std::size_t(count * s.config.image_elements()));
    const SampleOptions options{.count = count, .steps = 20, .labels = s.real.labels};
    const auto made = sample(s.runner->model, s.model.weights, s.model.flow, options);
    AlignedVector<float> noise(made.size());
    RandomSequence(1, Purpose::validation_noise, 1).fill_normal(std::span(noise));
    const auto distance = [&](const AlignedVector<float>& set) {
      return sliced_wasserstein(set, s.real.pictures, s.config.image_elements(), 64, 1, s.runner->threads);
    };
    EXPECT_LT(distance(made), 0.6 * distance(noise)) << attention;
    const auto spectrum = [&](const AlignedVector<float>& set) {
      return radial_spectrum(set, 3, files::square(16), s.runner->threads);
    };
    EXPECT_LT(spectrum_distance(spectrum(made), spectrum(s.real.pictures)), 6) << attention;
  }
}

}  // namespace
}  // namespace llsa::diffusion::testing

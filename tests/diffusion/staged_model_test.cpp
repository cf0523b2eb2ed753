#include "diffusion/staged_model.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "diffusion/capture.hpp"
#include "diffusion/learner.hpp"
#include "diffusion/runner.hpp"
#include "diffusion/sampler.hpp"
#include "diffusion/trainer.hpp"
#include "llsa/error.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

TrainConfig staged_training() {
  TrainConfig config = small_training();
  config.model.extent = files::square(16);
  config.model.stages = 3;
  config.batch = 5;  // two, two and one
  return config;
}

const std::vector<std::int32_t> labels{0, 3, 9, 10, 2};

struct Staged : Sampled {
  explicit Staged(std::int64_t batch = 2) : Sampled(batch, staged_training().model) {}
};

TEST(StagedModel, computes_the_same_bits_for_any_number_of_threads) {
  const TrainConfig config = staged_training();
  const auto pictures = random_pictures(config, config.batch);
  Trial one(config, 1), three(config, 3);
  for (int step = 0; step < 3; ++step)
    EXPECT_EQ(one.learner.step(pictures, labels).loss, three.learner.step(pictures, labels).loss);
  EXPECT_EQ(one.learner.state().weights, three.learner.state().weights);
}

TEST(StagedModel, small_passes_add_up_to_the_whole_batch) {
  TrainConfig config = staged_training();
  const auto pictures = random_pictures(config, config.batch);
  Trial whole(config);
  config.micro_batch = 1;
  Trial parts(config);
  for (int step = 0; step < 3; ++step) {
    const StepResult a = whole.learner.step(pictures, labels), b = parts.learner.step(pictures, labels);
    EXPECT_NEAR(a.loss, b.loss, 1e-5 * a.loss);
    EXPECT_NEAR(a.gradient_norm, b.gradient_norm, 1e-4 * a.gradient_norm);
  }
  EXPECT_EQ(whole.learner.tokens_a_step(), 2 * 16 + 2 * 64 + 256);
}

TEST(StagedModel, trains_on_every_picture_of_a_step_at_one_stage) {
  const TrainConfig config = staged_training();
  const auto pictures = random_pictures(config, config.batch);
  const double loss = Trial(config).learner.step(pictures, labels).loss;
  const auto elements = std::size_t(config.model.image_elements());
  for (std::size_t i = 0; i < 5; ++i) {
    AlignedVector<float> changed = pictures;
    // Neighbours change in turn by + and -, which the highest stage alone (pictures 2, 5, ...) sees.
    for (std::size_t j = 0; j < elements; ++j) changed[i * elements + j] += j % 2 == 0 ? 0.5f : -0.5f;
    const double other = Trial(config).learner.step(changed, labels).loss;
    EXPECT_EQ(std::abs(other - loss) > 1e-3, i % 3 == 2) << i;
    for (std::size_t j = 0; j < elements; ++j) changed[i * elements + j] = pictures[i * elements + j] + 0.5f;
    EXPECT_GT(std::abs(Trial(config).learner.step(changed, labels).loss - loss), 1e-3) << i;
  }
}

TEST(StagedModel, learns_in_every_stage) {
  TrainConfig config = staged_training();
  config.batch = 6;
  config.learning_rate = 5e-3;
  config.label_dropout = 0;
  config.average_decay = 0.9;
  config.schedule = "constant";
  Trial trial(config);
  const AlignedVector<float> flat(std::size_t(6 * config.model.image_elements()), 0.5f);
  const std::vector<std::int32_t> all(6, 3);
  const auto losses = [&] {
    return validation_losses(trial.learner.model(), trial.learner.state().averages, config.flow, 1, flat, all,
                             trial.threads);
  };
  const auto before = losses();
  for (int step = 0; step < 150; ++step) trial.learner.step(flat, all);
  const auto after = losses();
  ASSERT_EQ(after.size(), 3u);
  for (std::size_t k = 0; k < 3; ++k) EXPECT_LT(after[k], 0.5 * before[k]) << k;
  EXPECT_NEAR(trial.learner.validation_loss(flat, all), (after[0] + after[1] + after[2]) / 3, 1e-12);
}

TEST(StagedModel, has_the_plain_models_weights_at_the_beginning_of_its_own) {
  ModelConfig plain = small_training().model, stages = plain;
  plain.extent = stages.extent = files::square(16);
  stages.stages = 3;
  const ParameterLayout a(plain), b(stages);
  for (const Parameter& each : a.parameters()) EXPECT_EQ(b.at(each.name).offset, each.offset) << each.name;
  EXPECT_EQ(b.parameters().size(), a.parameters().size() + 4);
  stages.attention.method = "sla";
  const ParameterLayout whole(stages), lowest(stages_of(stages).front().model);
  for (const Parameter& each : lowest.parameters()) EXPECT_EQ(whole.at(each.name).offset, each.offset) << each.name;
}

TEST(StagedModel, takes_over_a_plain_models_weights_and_starts_what_that_lacks) {
  TrainConfig config = staged_training();
  Model plain{.config = config.model, .flow = {}, .step = 1, .training = {}, .weights = {}};
  plain.config.stages = 1;
  plain.weights.assign(std::size_t(ParameterLayout(plain.config).size()), 0.25f);
  TrainState state = initial_state(config);
  const TrainState fresh = state;
  const TakenOver taken = take_over(plain, config.model, state);
  EXPECT_EQ(taken.left_out.size(), 4u);
  const ParameterLayout layout(config.model);
  EXPECT_EQ(state.weights[std::size_t(layout.at("proj_out_2.weight").offset)], 0.25f);
  const auto own = std::size_t(layout.at("emb.latent_size_embedder.linear_1.weight").offset);
  EXPECT_EQ(state.weights[own], fresh.weights[own]);
  EXPECT_NE(state.weights[own], 0);
}

TEST(StagedModel, shows_steps_of_all_stages_at_full_size) {
  Staged s;
  std::vector<int> steps;
  AlignedVector<float> at_four, last;
  const auto pictures = sample(s.runner.stages, s.weights, {}, {.count = 2, .steps = 2},
                               [&](std::int64_t, int step, std::span<const float> x) {
                                 steps.push_back(step);
                                 ASSERT_EQ(x.size(), std::size_t(2 * s.config.image_elements()));
                                 if (step == 4) at_four.assign(x.begin(), x.end());
                                 last.assign(x.begin(), x.end());
                               });
  EXPECT_EQ(steps, (std::vector<int>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(last, pictures);
  EXPECT_EQ(at_four[0], at_four[17]) << "8 x 8 pixels, each twice as large";
  EXPECT_NE(at_four[0], at_four[2]);
}

TEST(StagedModel, a_picture_depends_on_seed_and_number_alone) {
  Staged two(2), one(1);
  const SampleOptions options{.count = 3, .steps = 2, .labels = {1, 2, 3}};
  const auto together = sample(two.runner.stages, two.weights, {}, options),
             apart = sample(one.runner.stages, one.weights, {}, options);
  for (std::size_t i = 0; i < together.size(); ++i) ASSERT_NEAR(together[i], apart[i], 1e-3);
}

TEST(StagedModel, captures_a_step_of_any_stage) {
  Staged s;
  const SampleOptions sampling{.count = 2, .steps = 2};
  for (const auto& [step, tokens, grid, method] :
       {std::tuple{1, 16, "4x4", "full"}, {2, 64, "8x8", "full"}, {5, 256, "16x16", "llsa"}}) {
    const Capture taken = capture(s.runner.stages, s.weights, {}, sampling, {.layer = 1, .step = step});
    EXPECT_EQ(taken.file.tensors.front().shape(), (std::vector<std::int64_t>{2, 2, tokens, 8}));
    EXPECT_EQ(taken.file.metadata.at("grid"), grid);
    EXPECT_EQ(taken.file.metadata.at("attention"), method);
    EXPECT_EQ(taken.file.metadata.at("steps"), "6");
  }
  EXPECT_THROW(capture(s.runner.stages, s.weights, {}, sampling, {.layer = 1, .step = 6}), Error);
}

TEST(StagedModel, is_refused_where_one_model_alone_is_asked_for) {
  Staged s;
  EXPECT_THROW(sample(s.runner.model, s.weights, {}, {.count = 1, .steps = 1}), Error);
  EXPECT_THROW(Dit<float>(s.config, {}, s.runner.layers, *s.runner.attention), Error);
  TrainConfig config = staged_training();
  config.batch = 2;
  EXPECT_THROW(validate(config), Error);
}

TEST(StagedModel, its_settings_survive_json_and_plain_ones_do_not_mention_stages) {
  const ModelConfig config = staged_training().model;
  EXPECT_EQ(model_config_from(to_json(config)).stages, 3);
  EXPECT_TRUE(model_config_from(to_json(stages_of(config).front().model)).part_of_stages);
  EXPECT_FALSE(to_json(small_training().model).contains("stages"));
}

}  // namespace
}  // namespace llsa::diffusion::testing

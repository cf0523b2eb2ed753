#include "diffusion/learner.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "diffusion/trainer.hpp"
#include "llsa/error.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

const std::vector<std::int32_t> labels = {0, 3, 9, 10};

TEST(Learner, overfits_one_batch_until_the_loss_is_near_zero) {
  TrainConfig config = small_training();
  config.batch = 1;
  config.label_dropout = 0;
  config.learning_rate = 5e-3;
  config.warmup = 20;
  config.steps = 3000;
  Trial setup(config, 2);
  // One flat picture: the velocity is then determined by what the model sees.
  const AlignedVector<float> picture(std::size_t(config.model.image_elements()), 0.5f);
  double mean = 0;
  for (int step = 0; step < 1500; ++step) {
    const StepResult result = setup.learner.step(picture, std::vector<std::int32_t>{3});
    if (step == 0) {
      EXPECT_NEAR(result.loss, result.baseline, 1e-6) << "a new model predicts zero";
    }
    if (step >= 1450) mean += result.loss / 50;
  }
  EXPECT_LT(mean, 0.06) << "predicting zero gives about 1.25";
}

TEST(Learner, computes_the_same_bits_for_any_number_of_threads) {
  const TrainConfig config = small_training();
  const AlignedVector<float> pictures = random_pictures(config, config.batch);
  Trial one(config, 1), three(config, 3);
  for (int step = 0; step < 4; ++step) {
    EXPECT_EQ(one.learner.step(pictures, labels).loss, three.learner.step(pictures, labels).loss);
  }
  EXPECT_EQ(one.learner.state().weights, three.learner.state().weights);
  EXPECT_EQ(one.learner.state().averages, three.learner.state().averages);
  EXPECT_EQ(one.learner.state().second_moments, three.learner.state().second_moments);
}

TEST(Learner, small_passes_add_up_to_the_whole_batch) {
  TrainConfig config = small_training();
  const AlignedVector<float> pictures = random_pictures(config, config.batch);
  Trial whole(config);
  config.micro_batch = 2;
  Trial parts(config);
  for (int step = 0; step < 3; ++step) {
    const StepResult a = whole.learner.step(pictures, labels), b = parts.learner.step(pictures, labels);
    EXPECT_NEAR(a.loss, b.loss, 1e-5 * a.loss);
    EXPECT_NEAR(a.gradient_norm, b.gradient_norm, 1e-4 * a.gradient_norm);
    EXPECT_NEAR(a.baseline, b.baseline, 1e-5);
  }
}

TEST(Learner, drops_labels_for_the_share_of_pictures_that_was_asked_for) {
  TrainConfig config = small_training();
  config.label_dropout = 1;
  Trial dropped(config);
  config.label_dropout = 0;
  Trial kept(config);
  const AlignedVector<float> pictures = random_pictures(config, config.batch);
  dropped.learner.step(pictures, labels);
  kept.learner.step(pictures, labels);
  // The first step moves nothing but the last projection; the second reaches the labels.
  for (int step = 0; step < 3; ++step) {
    dropped.learner.step(pictures, labels);
    kept.learner.step(pictures, labels);
  }
  const ParameterLayout layout(config.model);
  const Parameter& table = layout.at("emb.class_embedder.embedding_table.weight");
  const auto moved = [&](const Learner& learner, std::int64_t row) {
    for (std::int64_t i = 0; i < config.model.hidden; ++i) {
      if (learner.state().first_moments[std::size_t(table.offset + row * config.model.hidden + i)] != 0) return true;
    }
    return false;
  };
  EXPECT_FALSE(moved(dropped.learner, 3));
  EXPECT_TRUE(moved(dropped.learner, 10));
  EXPECT_TRUE(moved(kept.learner, 3));
  EXPECT_FALSE(moved(kept.learner, 5)) << "no picture has this label";
}

TEST(Learner, refuses_a_non_finite_loss_and_keeps_its_state) {
  const TrainConfig config = small_training();
  Trial setup(config);
  AlignedVector<float> pictures = random_pictures(config, config.batch);
  setup.learner.step(pictures, labels);
  const TrainState before = setup.learner.state();
  pictures[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(setup.learner.step(pictures, labels), Error);
  EXPECT_EQ(setup.learner.state().step, before.step);
  EXPECT_EQ(setup.learner.state().weights, before.weights);
  EXPECT_EQ(setup.learner.state().first_moments, before.first_moments);
}

TEST(Learner, stops_a_run_that_diverges) {
  TrainConfig config = small_training();
  config.learning_rate = 50;
  config.warmup = 0;
  config.clip = 0;
  Trial setup(config);
  const AlignedVector<float> pictures = random_pictures(config, config.batch);
  EXPECT_THROW(
      {
        for (int step = 0; step < 20; ++step) setup.learner.step(pictures, labels);
      },
      Error);
}

TEST(Learner, draws_new_noise_in_every_step_and_for_every_seed) {
  TrainConfig config = small_training();
  const AlignedVector<float> pictures = random_pictures(config, config.batch);
  Trial trial(config);
  const double first = trial.learner.step(pictures, labels).baseline;
  EXPECT_NE(trial.learner.step(pictures, labels).baseline, first) << "the noise of the next step is another";
  config.seed = 2;
  EXPECT_NE(Trial(config).learner.step(pictures, labels).baseline, first);
  config.flow.noise_scale = 3;
  EXPECT_NEAR(Trial(config).learner.step(pictures, labels).baseline, 9.25, 1.2) << "3^2 of noise and 0.5^2 of pictures";
}

TEST(Learner, validates_its_averaged_weights) {
  TrainConfig config = small_training();
  config.average_decay = 0.9;
  const AlignedVector<float> pictures = random_pictures(config, config.batch);
  Trial trial(config);
  for (int step = 0; step < 5; ++step) trial.learner.step(pictures, labels);
  Dit<float> model(config.model, {.batch = 4}, trial.layers, *trial.attention);
  const auto loss_of = [&](const AlignedVector<float>& weights) {
    return validation_loss(model, weights, config.flow, config.seed, pictures, labels, trial.threads);
  };
  EXPECT_EQ(trial.learner.validation_loss(pictures, labels), loss_of(trial.learner.state().averages));
  EXPECT_NE(loss_of(trial.learner.state().weights), loss_of(trial.learner.state().averages));
}

TEST(Learner, validation_loss_depends_on_weights_and_pictures_alone) {
  const TrainConfig config = small_training();
  Trial setup(config);
  const AlignedVector<float> pictures = random_pictures(config, 4);
  const double first = setup.learner.validation_loss(pictures, labels);
  EXPECT_EQ(setup.learner.validation_loss(pictures, labels), first);
  // A new model predicts zero: the loss is the mean square of noise minus picture, about 1 + 0.25.
  EXPECT_NEAR(first, 1.25, 0.15);
  setup.learner.step(pictures, labels);
  EXPECT_NE(setup.learner.validation_loss(pictures, labels), first);
}

TEST(TakeOver, copies_what_fits_and_names_what_does_not) {
  TrainConfig small = small_training(), large = small_training();
  small.model.extent = files::square(4);
  small.model.attention.options.levels = 1;
  large.model.classes = 3;
  small.seed = 5;
  Model from{.config = small.model, .flow = {}, .step = 7, .training = "", .weights = initial_state(small).weights};
  TrainState state = initial_state(large);
  const TakenOver taken = take_over(from, large.model, state);
  ASSERT_EQ(taken.left_out.size(), 1u);
  EXPECT_NE(taken.left_out[0].find("class_embedder"), std::string::npos);
  const ParameterLayout layout(large.model), old_layout(small.model);
  EXPECT_EQ(taken.parameters + 1, std::int64_t(layout.parameters().size()));
  const std::string name = "transformer_blocks.1.ff.net.2.weight";
  for (std::int64_t i = 0; i < layout.at(name).size(); ++i) {
    EXPECT_EQ(state.weights[std::size_t(layout.at(name).offset + i)],
              from.weights[std::size_t(old_layout.at(name).offset + i)]);
  }
  EXPECT_EQ(state.averages, state.weights);
}

}  // namespace
}  // namespace llsa::diffusion::testing

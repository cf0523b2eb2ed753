// One step of training, setting by setting: what each does to the state is its formula and nothing else.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "diffusion/flow.hpp"
#include "diffusion/learner.hpp"
#include "diffusion/optimizer.hpp"
#include "diffusion/random.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

const std::vector<std::int32_t> labels = {0, 3, 9, 7};

template <class Values>
double norm_of(const Values& values) {
  double sum = 0;
  for (const float x : values) sum += double(x) * double(x);
  return std::sqrt(sum);
}

TEST(TrainingStep, clips_the_gradient_to_its_limit_and_reports_it_as_it_was) {
  TrainConfig config = small_training();
  config.beta1 = 0;  // the first moments are then the clipped gradient
  const AlignedVector<float> pictures = random_pictures(config, config.batch);
  config.clip = 0;
  Trial free(config);
  const double norm = free.learner.step(pictures, labels).gradient_norm;
  ASSERT_GT(norm, 0);
  EXPECT_NEAR(norm_of(free.learner.state().first_moments) / norm, 1, 1e-5);
  for (const double share : {0.25, 4.0}) {
    config.clip = share * norm;
    Trial clipped(config);
    EXPECT_EQ(clipped.learner.step(pictures, labels).gradient_norm, norm);
    EXPECT_NEAR(norm_of(clipped.learner.state().first_moments) / norm, std::min(share, 1.0), 1e-5);
  }
}

TEST(TrainingStep, averages_weights_with_a_decay_that_grows_with_the_steps_taken) {
  for (const double decay : {0.15, 0.999}) {
    TrainConfig config = small_training();
    config.average_decay = decay;
    const AlignedVector<float> pictures = random_pictures(config, config.batch);
    Trial trial(config);
    for (int step = 0; step < 4; ++step) {
      const auto before = trial.learner.state().averages;
      trial.learner.step(pictures, labels);
      const float keep = float(std::min(decay, (1.0 + step) / (10.0 + step)));
      const TrainState& after = trial.learner.state();
      EXPECT_EQ(after.step, step + 1);
      for (std::size_t i = 0; i < before.size(); i += 7)
        ASSERT_NEAR(after.averages[i], keep * before[i] + (1 - keep) * after.weights[i], 1e-6f) << step;
    }
  }
}

TEST(TrainingStep, follows_the_schedule_from_its_first_step) {
  TrainConfig config = small_training();
  config.steps = 8;
  config.warmup = 2;
  config.schedule = "cosine";
  const AlignedVector<float> pictures = random_pictures(config, config.batch);
  Trial trial(config);
  for (int step = 0; step < 8; ++step) {
    const double expected = step < 2 ? config.learning_rate * (step + 1) / 2
                                     : config.learning_rate * 0.5 * (1 + std::cos(M_PI * (step - 2) / 6.0));
    EXPECT_NEAR(trial.learner.step(pictures, labels).learning_rate, expected, 1e-12) << step;
  }
}

TEST(TrainingStep, draws_noise_and_times_by_seed_step_and_place_in_the_batch_however_it_is_split) {
  TrainConfig config = small_training();
  config.learning_rate = 1e-12;  // the model goes on predicting zero
  config.seed = 11;
  const AlignedVector<float> pictures = random_pictures(config, config.batch);
  const auto elements = std::size_t(config.model.image_elements());
  for (const std::int64_t micro_batch : {0, 2, 1}) {
    config.micro_batch = micro_batch;
    Trial trial(config);
    for (std::uint64_t step = 0; step < 3; ++step) {
      double expected = 0;
      for (std::uint64_t i = 0; i < 4; ++i) {
        std::vector<float> noise(elements), noisy(elements), target(elements);
        RandomSequence(11, Purpose::training_noise, step * 4 + i).fill_normal(std::span(noise));
        const double t = draw_time(config.flow, RandomSequence(11, Purpose::training_time, step), i);
        flow_point<float>(t, config.flow.noise_scale, std::span(pictures).subspan(i * elements, elements), noise, noisy,
                          target);
        for (const float x : target) expected += double(x) * double(x) / double(4 * elements);
      }
      const StepResult result = trial.learner.step(pictures, labels);
      EXPECT_NEAR(result.baseline / expected, 1, 1e-5) << step;
      EXPECT_NEAR(result.loss / expected, 1, 1e-3) << step;
    }
  }
}

TEST(TrainingStep, drops_the_labels_that_its_own_stream_says) {
  TrainConfig config = small_training();
  config.label_dropout = 0.5;
  config.beta1 = 0;
  config.micro_batch = 2;
  const AlignedVector<float> pictures = random_pictures(config, config.batch);
  Trial trial(config);
  const ParameterLayout layout(config.model);
  const Parameter& table = layout.at("emb.class_embedder.embedding_table.weight");
  for (std::uint64_t step = 0; step < 8; ++step) {
    trial.learner.step(pictures, labels);
    if (step < 2) continue;  // the first steps do not reach the labels
    std::set<std::int32_t> expected, moved;
    for (std::uint64_t i = 0; i < 4; ++i)
      expected.insert(RandomSequence(config.seed, Purpose::label_dropout, step).uniform(i) < 0.5 ? 10 : labels[i]);
    for (std::int32_t row = 0; row <= 10; ++row)
      for (std::int64_t d = 0; d < config.model.hidden; ++d)
        if (trial.learner.state().first_moments[std::size_t(table.offset + row * config.model.hidden + d)] != 0)
          moved.insert(row);
    EXPECT_EQ(moved, expected) << step;
  }
}

}  // namespace
}  // namespace llsa::diffusion::testing

#include "diffusion/trainer.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "diffusion/pictures.hpp"
#include "diffusion/run_log.hpp"
#include "diffusion/sampler.hpp"
#include "files/image.hpp"
#include "llsa/error.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

TrainConfig short_run() {
  TrainConfig config = small_training();
  config.steps = 3;
  config.average_decay = 0.5;
  return config;
}

TrainState train_in(const TemporaryFolder& folder, const TrainConfig& config,
                    std::vector<std::string>* lines = nullptr) {
  const TrainingData data(config.data, config.validation_pictures);
  const RunOptions options{.out = folder / "run", .threads = 1, .sample_count = 12, .quiet = true};
  return train(
      config, options, data, std::nullopt, [] { return false; },
      [&](const std::string& line) {
        if (lines) lines->push_back(line);
      });
}

TEST(Training, saves_the_state_it_returns_and_samples_of_its_averaged_weights) {
  const TemporaryFolder folder;
  const TrainConfig config = short_run();
  const TrainState end = train_in(folder, config);
  EXPECT_EQ(end.step, 3);
  EXPECT_GE(end.data_position, 3u * std::uint64_t(config.batch));
  const Checkpoint saved = load_checkpoint(folder / "run/checkpoints/step-00000003.safetensors");
  EXPECT_EQ(saved.state.weights, end.weights);
  EXPECT_EQ(saved.state.averages, end.averages);
  EXPECT_EQ(saved.state.data_position, end.data_position);
  ASSERT_NE(end.weights, end.averages);

  Runner runner(config.model, {.batch = 12}, "reference", 1);
  const auto pictures = sample(runner.model, end.averages, config.flow, {.count = 12, .seed = config.seed});
  EXPECT_EQ(files::read_image(folder / "run/samples/step-00000003.png"),
            picture_grid(pictures, config.model.channels, config.model.extent, 10, grid_zoom(config.model.extent)))
      << "one column a class";
}

TEST(RunLog, resumes_at_a_step_without_what_came_later_and_without_a_line_that_was_cut_off) {
  const TemporaryFolder folder;
  const auto path = folder / "log.jsonl";
  {
    RunLog log(path, 0);
    for (std::int64_t step = 1; step <= 5; ++step) {
      LogEntry entry{.step = step, .loss = 1.0 / double(step), .seconds = 0.5};
      if (step == 2) entry.validation_loss = 0.25;
      log.append(entry);
    }
  }
  std::ofstream(path, std::ios::app) << R"({"step":3,"loss":0.)";
  RunLog resumed(path, 3);
  ASSERT_EQ(resumed.entries().size(), 3u);
  EXPECT_EQ(resumed.entries()[1].validation_loss, 0.25);
  EXPECT_EQ(resumed.entries()[2].loss, 1.0 / 3);
  resumed.append({.step = 4, .loss = 7});
  const RunLog again(path, 100);
  ASSERT_EQ(again.entries().size(), 4u);
  EXPECT_EQ(again.entries()[3].loss, 7);
}

TEST(Training, that_fails_names_the_last_good_checkpoint) {
  const TemporaryFolder folder;
  TrainConfig config = short_run();
  config.learning_rate = 1e30;
  config.warmup = 0;
  config.clip = 0;
  config.steps = 50;
  try {
    train_in(folder, config);
    ADD_FAILURE() << "a run at this rate cannot go well";
  } catch (const Error& problem) {
    EXPECT_NE(std::string(problem.what()).find("the last good checkpoint is"), std::string::npos) << problem.what();
    EXPECT_NE(std::string(problem.what()).find("step-00000000.safetensors"), std::string::npos) << problem.what();
  }
  EXPECT_NO_THROW(load_checkpoint(folder / "run/checkpoints/step-00000000.safetensors"));
}

}  // namespace
}  // namespace llsa::diffusion::testing

// What `llsa-diffusion train` does when nobody says otherwise, and what it says of it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "diffusion/checkpoint.hpp"
#include "diffusion/trainer.hpp"
#include "files/image.hpp"
#include "files/safetensors.hpp"
#include "support/run_program.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

room::ProgramRun run(const std::string& arguments) { return room::run_program(LLSA_DIFFUSION_PROGRAM, arguments); }

const std::string tiny =
    " --image-size 8 --hidden 16 --layers 1 --heads 1 --mlp-ratio 2 --frequency-dim 8 --block-size 4 --levels 1 "
    "--top-k 2"
    " --batch 2 --sample-count 1 --sample-every 0 --quiet ";

/// A folder of distinct pictures.
void write_pictures(const std::filesystem::path& folder, int count) {
  std::filesystem::create_directories(folder);
  for (int i = 0; i < count; ++i) {
    files::Image image(8, 8);
    image.rgb.assign(image.rgb.size(), static_cast<std::uint8_t>(5 * i));
    files::write_png(folder / (std::to_string(100 + i) + ".png"), image);
  }
}

TEST(TrainDefaults, of_a_folder_at_most_a_tenth_is_held_out_and_both_counts_are_said) {
  const TemporaryFolder folder;
  write_pictures(folder / "pictures", 30);
  const std::string of = "train --steps 5 --data " + (folder / "pictures").string() + tiny + "--output ";
  const room::ProgramRun first = run(of + (folder / "run").string());
  ASSERT_EQ(first.exit_code, 0) << first.all();
  EXPECT_NE(first.err.find("27 pictures to train on, 3 of 3 to validate on"), std::string::npos) << first.err;
  EXPECT_NE(first.err.find("activations take"), std::string::npos) << first.err;
  EXPECT_NE(first.err.find("2 steps take about less than a minute here"), std::string::npos) << first.err;
  EXPECT_EQ(load_checkpoint(folder / "run/checkpoints/step-00000005.safetensors").config.validation_pictures, 3);
  const room::ProgramRun said = run(of + (folder / "said").string() + " --validation-pictures 12");
  EXPECT_NE(said.err.find("18 pictures to train on, 12 of 12 to validate on"), std::string::npos) << said.err;
  const room::ProgramRun resumed = run("train --resume --steps 6 --quiet --output " + (folder / "run").string());
  EXPECT_EQ(resumed.exit_code, 0) << resumed.all();
  EXPECT_NE(resumed.err.find("27 pictures to train on, 3 of 3"), std::string::npos) << resumed.err;
  write_pictures(folder / "few", 4);
  const room::ProgramRun few =
      run("train --steps 1 --data " + (folder / "few").string() + tiny + "--output " + (folder / "run-few").string());
  EXPECT_NE(few.err.find("3 pictures to train on, 1 of 1"), std::string::npos) << few.err;
}

TEST(TrainDefaults, the_rate_falls_as_a_cosine_and_clipping_follows_the_noise) {
  const TemporaryFolder folder;
  const auto config_of = [&](const std::string& name, const std::string& options) {
    const std::string out = (folder / name).string();
    EXPECT_EQ(run("train --steps 1 --output " + out + tiny + options).exit_code, 0);
    return load_checkpoint(folder / name / "checkpoints/step-00000001.safetensors").config;
  };
  EXPECT_EQ(TrainConfig().schedule, "cosine");
  EXPECT_EQ(config_of("plain", "").clip, 1);
  EXPECT_EQ(config_of("noisy", "--noise-scale 2.5").clip, 2.5);
  EXPECT_EQ(config_of("said", "--noise-scale 2.5 --clip 0.5").clip, 0.5);
}

TEST(TrainDefaults, a_grid_of_samples_is_there_before_the_first_step_unless_the_clock_is_off) {
  const TemporaryFolder folder;
  ASSERT_EQ(run("train --steps 1 --output " + (folder / "a").string() + tiny).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(folder / "a/samples/step-00000000.png"));
  ASSERT_EQ(run("train --steps 1 --sample-minutes 0 --output " + (folder / "b").string() + tiny).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(folder / "b/samples/step-00000000.png"));
  EXPECT_EQ(run("train --steps 1 --sample-minutes -1 --output " + (folder / "c").string() + tiny).exit_code, 2);
}

TEST(TrainDefaults, a_checkpoint_is_written_when_its_minutes_have_passed) {
  const TemporaryFolder folder;
  TrainConfig config = small_training();
  config.steps = 4;
  const TrainingData data(config.data, config.validation_pictures);
  const auto steps_kept = [&](const std::string& name, double minutes) {
    const RunOptions options{.out = folder / name,
                             .threads = 1,
                             .keep = 9,
                             .checkpoint_every = 0,
                             .sample_every = 0,
                             .checkpoint_minutes = minutes,
                             .sample_count = 1,
                             .quiet = true};
    train(
        config, options, data, std::nullopt, [] { return false; }, [](const std::string&) {});
    return CheckpointFolder(folder / name / "checkpoints").steps();
  };
  EXPECT_EQ(steps_kept("soon", 1e-9), (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(steps_kept("late", 1e6), (std::vector<std::int64_t>{0, 4}));
  EXPECT_EQ(steps_kept("never", 0), (std::vector<std::int64_t>{0, 4}));
}

TEST(TrainDefaults, an_exported_file_names_no_folder_of_this_machine) {
  const TemporaryFolder folder;
  write_pictures(folder / "pictures", 12);
  write_pictures(folder / "others", 3);
  const std::string out = (folder / "run").string();
  ASSERT_EQ(run("train --steps 1 --data " + (folder / "pictures").string() + " --validation-data " +
                (folder / "others/").string() + tiny + "--output " + out)
                .exit_code,
            0);
  const std::string model = (folder / "model.safetensors").string();
  ASSERT_EQ(run("export --checkpoint " + out + "/checkpoints/step-00000001.safetensors --output " + model).exit_code,
            0);
  const auto training = nlohmann::json::parse(files::read_safetensors(model).metadata.at("training"));
  EXPECT_EQ(training["data"]["place"], "pictures");
  EXPECT_EQ(training["data"]["validation"], "others");
  EXPECT_EQ(read_text(model).find(folder.path().string()), std::string::npos);
  const room::ProgramRun judged = run("evaluate --count 2 --steps 1 --checkpoint " + model);
  EXPECT_EQ(judged.exit_code, 2);
  EXPECT_NE(judged.err.find("'pictures'"), std::string::npos) << judged.err;
}

}  // namespace
}  // namespace llsa::diffusion::testing

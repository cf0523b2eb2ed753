#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

#include "diffusion/checkpoint.hpp"
#include "files/image.hpp"
#include "support/run_program.hpp"
#include "training_fixture.hpp"

/// Models of stages through the program itself, LLSA_DIFFUSION_PROGRAM.
namespace llsa::diffusion::testing {
namespace {

room::ProgramRun run(const std::string& arguments) { return room::run_program(LLSA_DIFFUSION_PROGRAM, arguments); }

const std::string plain_model =
    " --image-size 16 --hidden 16 --layers 1 --heads 1 --mlp-ratio 2 --frequency-dim 8 --block-size 4 --levels 1 "
    "--top-k 2 --batch 4 --validation-pictures 2 --sample-count 1 --sample-every 0 --sample-minutes 0 --quiet ";
const std::string staged_model = plain_model + " --stages 3 ";

void expect_refused(const std::string& arguments, const std::string& hint) {
  const room::ProgramRun outcome = run(arguments);
  EXPECT_EQ(outcome.exit_code, 2) << arguments << "\n" << outcome.all();
  EXPECT_EQ(std::ranges::count(outcome.all(), '\n'), 1) << outcome.all();
  EXPECT_NE(outcome.all().find(hint), std::string::npos) << outcome.all();
}

std::string train(const TemporaryFolder& folder, const std::string& name, const std::string& settings) {
  return "train --output " + (folder / name).string() + settings;
}

TEST(StagesProgram, a_killed_and_resumed_run_ends_byte_for_byte_the_same_for_any_number_of_threads) {
  const TemporaryFolder folder;
  const std::string settings = staged_model + "--steps 24 --checkpoint-every 3 --validate-every 6 --mirror ";
  const std::string last = "checkpoints/step-00000024.safetensors";
  ASSERT_EQ(run(train(folder, "whole", settings + "--threads 1")).exit_code, 0);
  for (const int kill_after : {4, 11, 17}) {
    room::RunningProgram child(
        LLSA_DIFFUSION_PROGRAM,
        train(folder, "killed", settings + "--resume --threads " + std::to_string(kill_after % 3)));
    while (!child.has_ended()) {
      const std::string log = read_text(folder / "killed/log.jsonl");
      if (std::ranges::count(log, '\n') >= kill_after) child.send(SIGKILL);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    child.wait();
  }
  ASSERT_EQ(run(train(folder, "killed", settings + "--resume --threads 3")).exit_code, 0);
  EXPECT_EQ(read_text(folder / "killed" / last), read_text(folder / "whole" / last));
}

TEST(StagesProgram, every_command_takes_a_model_of_stages) {
  const TemporaryFolder folder;
  ASSERT_EQ(run(train(folder, "run", staged_model + "--steps 2")).exit_code, 0);
  const auto at = [&](const char* name) { return (folder / name).string(); };
  const std::string checkpoint = " --checkpoint " + at("run/checkpoints/step-00000002.safetensors");
  const auto done = [&](const std::string& arguments) {
    const room::ProgramRun outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.all();
    return outcome.all();
  };
  for (const char* sampler : {"euler", "heun", "dpm++2m"})
    done("sample --steps 2 --count 2 --guidance 2 --steps-folder " + at("steps") + " --sampler " + sampler +
         checkpoint);
  const files::Image noise = files::read_image(folder / "steps/000000-step-000.png");
  EXPECT_EQ(noise.width, 16);
  EXPECT_TRUE(std::filesystem::exists(folder / "steps/000001-step-006.png"));
  done("capture --layer 0 --step 3 --steps 2 --output " + at("qkv.safetensors") + checkpoint);
  done("export --output " + at("model.safetensors") + checkpoint);
  EXPECT_EQ(load_model(folder / "model.safetensors").config.stages, 3);
  done("sample --steps 1 --count 1 --grid " + at("g.png") + " --checkpoint " + at("model.safetensors"));
  const std::string table = done("evaluate --data shapes:3 --count 2 --steps 1" + checkpoint);
  EXPECT_NE(table.find("of stage 2"), std::string::npos) << table;
  ASSERT_EQ(run(train(folder, "plain", plain_model + "--steps 1")).exit_code, 0);
  const std::string taken = done(train(
      folder, "later", staged_model + "--steps 1 --init-from " + at("plain/checkpoints/step-00000001.safetensors")));
  EXPECT_NE(taken.find("latent_size_embedder.linear_1.weight: not in the other model"), std::string::npos) << taken;
}

TEST(StagesProgram, refuses_what_stages_cannot_be) {
  const TemporaryFolder folder;
  expect_refused(train(folder, "run", plain_model + "--stages 6 --steps 1"), "model stages is 6; it must be so many");
  expect_refused(train(folder, "run", plain_model + "--stages 0 --steps 1"), "model stages is 0; it must be 1 to 8");
  expect_refused(train(folder, "run", plain_model + "--stages 5 --steps 1"), "batch is 4; it must be at least");
  EXPECT_FALSE(std::filesystem::exists(folder / "run/checkpoints"));
  ASSERT_EQ(run(train(folder, "run", staged_model + "--steps 1")).exit_code, 0);
  expect_refused(train(folder, "run", plain_model + "--stages 2 --resume --steps 2"), "--stages asks for 2");
}

}  // namespace
}  // namespace llsa::diffusion::testing

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <random>
#include <sstream>
#include <thread>

#include "files/image.hpp"
#include "diffusion/checkpoint.hpp"
#include "training_fixture.hpp"

/// Runs of the program itself, LLSA_DIFFUSION_PROGRAM.
namespace llsa::diffusion::testing {
namespace {

/// Starts the program with its messages going to a file.
pid_t start(const std::string& arguments, const std::filesystem::path& messages) {
  const pid_t child = fork();
  if (child == 0) {
    const std::string command =
        std::string("exec ") + LLSA_DIFFUSION_PROGRAM + " " + arguments + " >'" + messages.string() + "' 2>&1";
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  return child;
}

/// The exit status, or 1000 plus the signal.
int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

struct Outcome {
  int status = 0;
  std::string text;
};

Outcome run(const TemporaryFolder& folder, const std::string& arguments) {
  const int status = wait_for(start(arguments, folder / "messages.txt"));
  return {status, contents_of(folder / "messages.txt")};
}

const std::string small_model =
    " --image-size 8 --hidden 16 --layers 1 --heads 1 --mlp-ratio 2 --frequency-dim 8 --block-size 4 --levels 1 "
    "--top-k 2"
    " --batch 2 --validation-pictures 2 --sample-count 1 --sample-every 0 --quiet ";

void expect_refused(const TemporaryFolder& folder, const std::string& arguments, const std::string& hint) {
  const Outcome outcome = run(folder, arguments);
  EXPECT_EQ(outcome.status, 2) << arguments << "\n" << outcome.text;
  EXPECT_EQ(std::count(outcome.text.begin(), outcome.text.end(), '\n'), 1) << outcome.text;
  EXPECT_NE(outcome.text.find(hint), std::string::npos) << outcome.text;
}

TEST(Program, ResumesBitwiseAfterBeingKilledAtAnyInstantForAnyNumberOfThreads) {
  const TemporaryFolder folder;
  const std::string settings = small_model + "--steps 60 --checkpoint-every 4 --validate-every 10 --mirror ";
  const std::string name = "/checkpoints/step-00000060.safetensors";
  ASSERT_EQ(run(folder, "train --threads 1 --output " + (folder / "whole").string() + settings).status, 0);
  std::mt19937 random(std::random_device{}());
  int kills = 0;
  const auto lines_of_log = [&] {
    const std::string log = contents_of(folder / "killed/log.jsonl");
    return int(std::count(log.begin(), log.end(), '\n'));
  };
  for (int attempt = 0; attempt < 200; ++attempt) {
    const std::string threads = std::to_string(1 + attempt % 3);
    const pid_t child =
        start("train --resume --threads " + threads + " --output " + (folder / "killed").string() + settings,
              folder / "messages.txt");
    // A random moment on a random step, told by the log, so that a busy machine makes no difference; every third time
    // just a random moment. After many kills until the end.
    const bool by_clock = attempt % 3 == 2;
    const int moment = std::uniform_int_distribution<int>(by_clock ? 5 : 0, by_clock ? 250 : 4)(random);
    const int last_line = lines_of_log() + std::uniform_int_distribution<int>(1, 9)(random);
    const auto begin = std::chrono::steady_clock::now();
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
      const bool waited = std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(moment);
      if (kills >= 8 || !waited || (!by_clock && lines_of_log() < last_line)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
      kill(child, SIGKILL);
      ++kills;
      waitpid(child, &status, 0);
      break;
    }
    if (WIFEXITED(status)) {
      ASSERT_EQ(WEXITSTATUS(status), 0) << contents_of(folder / "messages.txt");
      break;
    }
  }
  EXPECT_GT(kills, 0);
  EXPECT_EQ(contents_of(folder / ("killed" + name)), contents_of(folder / ("whole" + name)));
  ASSERT_GT(contents_of(folder / ("whole" + name)).size(), 10'000u);

  // The log tells the same story, but for the clock.
  const auto story = [&](const std::string& out) {
    std::istringstream lines(contents_of(folder / (out + "/log.jsonl")));
    std::vector<std::string> kept;
    for (std::string line; std::getline(lines, line);) {
      const auto clock = line.find(",\"seconds\""), after = line.find(",\"validation_loss\"");
      kept.push_back(line.substr(0, clock) + (after == std::string::npos ? "" : line.substr(after)));
    }
    return kept;
  };
  EXPECT_EQ(story("killed").size(), 60u);
  EXPECT_EQ(story("killed"), story("whole"));
}

TEST(Program, SavesAndLeavesWhenInterrupted) {
  const TemporaryFolder folder;
  const std::string arguments = "train --threads 1 --output " + (folder / "run").string() + small_model +
                                "--steps 1000000 --checkpoint-every 0 --validate-every 0 --log-every 1";
  const pid_t child = start(arguments, folder / "messages.txt");
  for (int i = 0; i < 500 && contents_of(folder / "run/log.jsonl").empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill(child, SIGINT);
  EXPECT_EQ(wait_for(child), 130);
  EXPECT_NE(contents_of(folder / "messages.txt").find("continue with --resume"), std::string::npos);
  std::vector<std::string> skipped;
  const auto newest = CheckpointFolder(folder / "run/checkpoints").newest(skipped);
  ASSERT_TRUE(newest.has_value());
  EXPECT_GT(newest->state.step, 0);
  EXPECT_TRUE(std::filesystem::exists(folder / "run/loss.png"));
}

TEST(Program, LeavesWithoutAFileWhenLongWorkIsInterrupted) {
  const TemporaryFolder folder;
  const std::string out = (folder / "run").string();
  ASSERT_EQ(run(folder, "train --steps 1 --output " + out + small_model).status, 0);
  const std::string of = " --checkpoint " + out + "/checkpoints/step-00000001.safetensors --steps 100000 ";
  const std::string result = (folder / "result").string();
  for (const std::string& command : {"sample --count 4 --grid " + result, "evaluate --count 4 --json " + result,
                                     "capture --layer 0 --step 9 --output " + result}) {
    const pid_t child = start(command + of, folder / "messages.txt");
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    kill(child, SIGTERM);
    EXPECT_EQ(wait_for(child), 130) << command;
    EXPECT_EQ(contents_of(folder / "messages.txt"), "llsa-diffusion: interrupted\n");
    EXPECT_FALSE(std::filesystem::exists(result)) << command;
  }
}

TEST(Program, ClearsAwayWhatAKilledRunLeft) {
  const TemporaryFolder folder;
  const std::string out = (folder / "run").string(), other = out + "/.hidden";
  ASSERT_EQ(run(folder, "train --steps 1 --output " + out + small_model).status, 0);
  const std::vector<std::string> left = {out + "/.log.jsonl.123.0.tmp", out + "/.loss.png.123.7.tmp",
                                         out + "/samples/.step-00000001.png.123.2.tmp",
                                         out + "/checkpoints/.step-00000002.safetensors.123.9.tmp"};
  for (const std::string& name : left) std::ofstream(name) << "half";
  std::ofstream(other) << "mine";
  ASSERT_EQ(run(folder, "train --resume --output " + out + small_model + "--steps 1").status, 0);
  for (const std::string& name : left) EXPECT_FALSE(std::filesystem::exists(name)) << name;
  EXPECT_TRUE(std::filesystem::exists(other));
}

TEST(Program, TrainsSamplesCapturesEvaluatesAndExports) {
  const TemporaryFolder folder;
  const std::string out = (folder / "run").string();
  ASSERT_EQ(run(folder, "train --output " + out + small_model + "--steps 2 --keep 1").status, 0);
  const std::string checkpoint = " --checkpoint " + out + "/checkpoints/step-00000002.safetensors ";
  EXPECT_TRUE(std::filesystem::exists(folder / "run/samples/step-00000002.png"));
  EXPECT_FALSE(std::filesystem::exists(folder / "run/checkpoints/step-00000000.safetensors"));

  EXPECT_EQ(run(folder, "sample" + checkpoint + "--count 3 --steps 2 --grid " + out + "/grid.png --folder " + out +
                            "/single --steps-folder " + out + "/steps")
                .status,
            0);
  EXPECT_EQ(files::read_image(folder / "run/single/000002.png").width, 8);
  EXPECT_TRUE(std::filesystem::exists(folder / "run/steps/000001-step-002.png"));
  EXPECT_TRUE(std::filesystem::exists(folder / "run/grid.png"));

  EXPECT_EQ(run(folder, "capture" + checkpoint + "--layer 0 --step 1 --steps 2 --output " + out + "/c.safetensors").status,
            0);
  EXPECT_TRUE(std::filesystem::exists(folder / "run/c.safetensors"));

  const Outcome judged = run(
      folder, "evaluate" + checkpoint + "--count 2 --steps 1 --directions 4 --data shapes:5 --json " + out + "/e.json");
  EXPECT_EQ(judged.status, 0) << judged.text;
  EXPECT_NE(judged.text.find("sliced Wasserstein"), std::string::npos);
  EXPECT_NE(contents_of(folder / "run/e.json").find("same_noise_difference"), std::string::npos);

  EXPECT_EQ(run(folder, "export" + checkpoint + "--output " + out + "/model.safetensors").status, 0);
  EXPECT_EQ(run(folder, "sample --checkpoint " + out +
                            "/model.safetensors --count 1 --steps 1 --method full --grid " + out + "/full.png")
                .status,
            0);

  // Larger pictures from smaller ones: everything fits.
  std::string twice_as_large = small_model;
  twice_as_large.replace(twice_as_large.find("--image-size 8"), 14, "--image-size 16");
  const Outcome larger =
      run(folder, "train --steps 1 --output " + out + "-16 --init-from " + out + "/model.safetensors" + twice_as_large);
  EXPECT_EQ(larger.status, 0) << larger.text;
  EXPECT_NE(larger.text.find("took over 27 of 27"), std::string::npos) << larger.text;
}

TEST(Program, TrainsTheBaselinesAndTakesWeightsFromOneMethodToAnother) {
  const TemporaryFolder folder;
  const std::string out = (folder / "llsa").string();
  ASSERT_EQ(run(folder, "train --output " + out + small_model + "--steps 1").status, 0);
  const std::string model = out + "/checkpoints/step-00000001.safetensors";
  for (const std::string method : {"vsa", "sla"}) {
    const std::string there = (folder / method).string();
    const Outcome trained = run(
        folder, "train --steps 2 --method " + method + " --output " + there + " --init-from " + model + small_model);
    EXPECT_EQ(trained.status, 0) << trained.text;
    EXPECT_NE(trained.text.find(method == "sla" ? "took over 27 of 29" : "took over 27 of 27"), std::string::npos)
        << trained.text;
    const std::string end = there + "/checkpoints/step-00000002.safetensors";
    EXPECT_EQ(load_model(end).config.attention.method, method);
    EXPECT_EQ(run(folder, "evaluate --count 2 --steps 1 --directions 4 --checkpoint " + end).status, 0);
    EXPECT_EQ(run(folder, "export --method llsa --output " + there + "/m.safetensors --checkpoint " + end).status, 0);
  }
  const Outcome old = run(folder, "export --attention=full --enrichment auto --out " + (folder / "old").string() +
                                      ".safetensors --checkpoint " + model);
  EXPECT_EQ(old.status, 0) << old.text;
  for (const char* said : {"llsa-diffusion: --attention is now --method", "llsa-diffusion: --out is now --output",
                           "llsa-diffusion: --enrichment is now --enrichment-levels"})
    EXPECT_NE(old.text.find(said), std::string::npos) << old.text;
  const Outcome sampled =
      run(folder, "sample --method sla --count 1 --steps 1 --checkpoint " + model + " --grid " + out + "/grid.png");
  EXPECT_EQ(sampled.status, 0) << sampled.text;
  EXPECT_NE(sampled.text.find("with sla attention"), std::string::npos) << sampled.text;
}

TEST(Program, RefusesBadInputWithOneLineAndLeavesNothingBehind) {
  const TemporaryFolder folder;
  const std::string out = " --output " + (folder / "run").string();
  expect_refused(folder, "", "give a command");
  expect_refused(folder, "train", "--output");
  expect_refused(folder, "train --data /nonexistent/folder" + out, "/nonexistent/folder");
  expect_refused(folder, "train --preset huge" + out, "preset is 'huge'");
  expect_refused(folder, "train --hidden 30" + out, "hidden");
  expect_refused(folder, "train --heads 0" + out, "heads");
  expect_refused(folder, "train --image-size 30 --patch-size 4" + out, "patch size");
  expect_refused(folder, "train --batch 3 --micro-batch 2" + out, "micro batch");
  expect_refused(folder, "train --lr nan" + out, "learning rate");
  expect_refused(folder, "train --steps 0" + out, "steps");
  expect_refused(folder, "train --steps many" + out, "many");
  expect_refused(folder, "train --method none" + out, "method is 'none'");
  expect_refused(folder, "train --levels some" + out, "--levels");
  expect_refused(folder, "train --top-k 0" + out, "top_k");
  expect_refused(folder, "train --order spiral" + out, "spiral");
  expect_refused(folder, "train --backend gpu" + out, "gpu");
  expect_refused(folder, "train --threads -1" + out, "thread");
  expect_refused(folder, "train --keep 0" + out, "kept");
  expect_refused(folder, "train --init-from /nonexistent/model.safetensors" + small_model + out, "/nonexistent/model");
  expect_refused(folder, "train --seed -1" + out, "'-1' is not a whole number, 0 or more");
  expect_refused(folder, "train --steps 99999999999999999999" + out, "out of range");
  expect_refused(folder, "train --lr 1e400" + out, "out of range");
  expect_refused(folder, "train --sample-count 99999999999" + out, "number of samples");
  expect_refused(folder, "train --image-size 8 --sample-count 999999" + out, "pixels are allowed");
  EXPECT_FALSE(std::filesystem::exists(folder / "run")) << "nothing is written before everything is checked";

  expect_refused(folder, "sample --checkpoint /nonexistent/model --grid x.png", "/nonexistent/model");
  std::ofstream(folder / "junk.safetensors") << "junk";
  const std::string junk = (folder / "junk.safetensors").string();
  expect_refused(folder, "sample --checkpoint " + junk + " --grid x.png", "junk.safetensors");
  expect_refused(folder, "evaluate --checkpoint " + junk, "junk.safetensors");
  expect_refused(folder, "export --precision f8 --checkpoint " + junk + " --output y", "precision");
}

TEST(Program, RefusesToMixRuns) {
  const TemporaryFolder folder;
  const std::string out = " --output " + (folder / "run").string() + small_model;
  ASSERT_EQ(run(folder, "train --steps 1" + out).status, 0);
  expect_refused(folder, "train --steps 2" + out, "--resume");
  expect_refused(folder, "train --resume --lr 0.5" + out, "--lr");
  expect_refused(folder, "train --resume --data shapes:7" + out, "--data");
  EXPECT_EQ(run(folder, "train --resume --steps 2 --output " + (folder / "run").string() + " --quiet").status, 0)
      << "settings come from the checkpoint, and a run may be made longer";
  const std::string model = (folder / "run/checkpoints/step-00000002.safetensors").string();
  expect_refused(folder, "sample --checkpoint " + model, "nothing to write");
  expect_refused(folder, "sample --label 11 --grid x.png --checkpoint " + model, "label is 11");
  expect_refused(folder, "capture --layer 1 --step 0 --output x --checkpoint " + model, "layer is 1");
  expect_refused(folder, "capture --layer 0 --step 20 --output x --checkpoint " + model, "step is 20");

  // What cannot be written is said before the work, and of two files neither is written.
  const std::string of = " --checkpoint " + model, nowhere = (folder / "nowhere/file").string();
  expect_refused(folder, "sample --steps 100000 --grid " + nowhere + of, "nowhere/file: cannot be created");
  expect_refused(folder, "sample --steps 100000 --grid " + folder.string() + of, "not the name of a regular file");
  expect_refused(folder, "sample --count 1 --columns 60000000 --steps 100000 --grid x.png" + of, "pixels are allowed");
  expect_refused(folder, "sample --count 99999999999 --label 3 --grid x.png" + of, "number of pictures");
  expect_refused(folder, "sample --folder " + model + of, "cannot be created");
  expect_refused(folder, "evaluate --count 2 --steps 100000 --json " + nowhere + of, "nowhere/file");
  expect_refused(folder, "evaluate --count 2 --directions 2000000000" + of, "directions are 2000000000");
  const std::string tensors = (folder / "c.safetensors").string();
  expect_refused(folder, "capture --layer 0 --step 0 --output " + tensors + " --picture " + nowhere + of, "nowhere/file");
  EXPECT_FALSE(std::filesystem::exists(tensors));
}

}  // namespace
}  // namespace llsa::diffusion::testing

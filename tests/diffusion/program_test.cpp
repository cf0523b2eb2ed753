#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "diffusion/checkpoint.hpp"
#include "files/image.hpp"
#include "support/run_program.hpp"
#include "training_fixture.hpp"

/// Runs of the program itself, LLSA_DIFFUSION_PROGRAM.
namespace llsa::diffusion::testing {
namespace {

room::RunningProgram start(const std::string& arguments) { return {LLSA_DIFFUSION_PROGRAM, arguments}; }

room::ProgramRun run(const std::string& arguments) { return room::run_program(LLSA_DIFFUSION_PROGRAM, arguments); }

const std::string small_model =
    " --image-size 8 --hidden 16 --layers 1 --heads 1 --mlp-ratio 2 --frequency-dim 8 --block-size 4 --levels 1 "
    "--top-k 2"
    " --batch 2 --validation-pictures 2 --sample-count 1 --sample-every 0 --quiet ";

void expect_refused(const std::string& arguments, const std::string& hint) {
  const room::ProgramRun outcome = run(arguments);
  EXPECT_EQ(outcome.exit_code, 2) << arguments << "\n" << outcome.all();
  EXPECT_EQ(std::ranges::count(outcome.all(), '\n'), 1) << outcome.all();
  EXPECT_NE(outcome.all().find(hint), std::string::npos) << outcome.all();
}

TEST(Program, resumes_bitwise_after_being_killed_at_any_instant_for_any_number_of_threads) {
  const TemporaryFolder folder;
  const std::string settings = small_model + "--steps 60 --checkpoint-every 4 --validate-every 10 --mirror ";
  const std::string name = "/checkpoints/step-00000060.safetensors";
  ASSERT_EQ(run("train --threads 1 --output " + (folder / "whole").string() + settings).exit_code, 0);
  std::mt19937 random(std::random_device{}());
  int kills = 0;
  const auto lines_of_log = [&] {
    const std::string log = read_text(folder / "killed/log.jsonl");
    return int(std::count(log.begin(), log.end(), '\n'));
  };
  for (int attempt = 0; attempt < 200; ++attempt) {
    const std::string threads = std::to_string(1 + attempt % 3);
    room::RunningProgram child =
        start("train --resume --threads " + threads + " --output " + (folder / "killed").string() + settings);
    // A random moment on a random step, told by the log, so that a busy machine makes no difference; every third time
    // just a random moment. After many kills until the end.
    const bool by_clock = attempt % 3 == 2;
    const int moment = std::uniform_int_distribution<int>(by_clock ? 5 : 0, by_clock ? 250 : 4)(random);
    const int last_line = lines_of_log() + std::uniform_int_distribution<int>(1, 9)(random);
    const auto begin = std::chrono::steady_clock::now();
    while (!child.has_ended()) {
      const bool waited = std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(moment);
      if (kills >= 8 || !waited || (!by_clock && lines_of_log() < last_line)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        continue;
      }
      child.send(SIGKILL);
      ++kills;
      break;
    }
    const room::ProgramRun end = child.wait();
    if (end.exit_code != 1000 + SIGKILL) {
      ASSERT_EQ(end.exit_code, 0) << end.all();
      break;
    }
  }
  EXPECT_GT(kills, 0);
  EXPECT_EQ(read_text(folder / ("killed" + name)), read_text(folder / ("whole" + name)));
  ASSERT_GT(read_text(folder / ("whole" + name)).size(), 10'000u);

  // The log tells the same story, but for the clock.
  const auto story = [&](const std::string& out) {
    std::istringstream lines(read_text(folder / (out + "/log.jsonl")));
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

TEST(Program, saves_and_leaves_when_interrupted) {
  const TemporaryFolder folder;
  const std::string arguments = "train --threads 1 --output " + (folder / "run").string() + small_model +
                                "--steps 1000000 --checkpoint-every 0 --validate-every 0 --log-every 1";
  room::RunningProgram child = start(arguments);
  for (int i = 0; i < 500 && read_text(folder / "run/log.jsonl").empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  child.send(SIGINT);
  const room::ProgramRun end = child.wait();
  EXPECT_EQ(end.exit_code, 130);
  EXPECT_NE(end.all().find("continue with --resume"), std::string::npos);
  std::vector<std::string> skipped;
  const auto newest = CheckpointFolder(folder / "run/checkpoints").newest(skipped);
  ASSERT_TRUE(newest.has_value());
  EXPECT_GT(newest->state.step, 0);
  EXPECT_TRUE(std::filesystem::exists(folder / "run/loss.png"));
}

TEST(Program, saves_when_its_terminal_is_lost_unless_that_is_to_be_ignored) {
  const TemporaryFolder folder;
  const std::string arguments = "train --threads 1 --output " + (folder / "run").string() + small_model +
                                "--steps 1000000 --checkpoint-every 0 --validate-every 0 --log-every 1";
  for (const bool ignored : {false, true}) {
    const auto before = std::signal(SIGHUP, ignored ? SIG_IGN : SIG_DFL);  // as nohup does; a child inherits it
    room::RunningProgram child = start(arguments + (ignored ? " --resume" : ""));
    std::signal(SIGHUP, before);
    const auto length = [&] { return read_text(folder / "run/log.jsonl").size(); };
    const std::size_t first = length();
    for (int i = 0; i < 3000 && length() <= first + 1; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    child.send(SIGHUP);
    if (ignored) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      EXPECT_FALSE(child.has_ended()) << "it goes on";
      child.send(SIGTERM);
    }
    const room::ProgramRun end = child.wait();
    EXPECT_EQ(end.exit_code, 130) << end.all();
    EXPECT_NE(end.all().find("continue with --resume"), std::string::npos) << end.all();
  }
}

TEST(Program, refuses_a_second_trainer_in_the_folder_of_a_living_one) {
  const TemporaryFolder folder;
  const std::string arguments = "train --resume --threads 1 --output " + (folder / "run").string() + small_model +
                                "--steps 1000000 --checkpoint-every 1 --validate-every 0 --log-every 1";
  room::RunningProgram first = start(arguments);
  const auto length = [&] { return read_text(folder / "run/log.jsonl").size(); };
  const auto wait_for_more = [&] {
    const std::size_t before = length();
    for (int i = 0; i < 3000 && length() <= before; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_GT(length(), before);
  };
  wait_for_more();
  for (int attempt = 0; attempt < 3; ++attempt) expect_refused(arguments, ") is writing here; wait for it or stop it");
  wait_for_more();
  first.send(SIGTERM);
  const room::ProgramRun end = first.wait();
  EXPECT_EQ(end.exit_code, 130) << end.all();
}

TEST(Program, ends_in_one_line_with_the_last_checkpoint_whole_when_a_file_may_not_grow) {
  const TemporaryFolder folder;
  const std::string out = (folder / "run").string();
  ASSERT_EQ(run("train --steps 1 --output " + out + small_model).exit_code, 0);
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{20'000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const room::ProgramRun ended = run("train --resume --steps 3 --checkpoint-every 1 --output " + out + " --quiet");
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(ended.exit_code, 2) << ended.all();
  EXPECT_NE(ended.all().find("cannot be written: File too large"), std::string::npos) << ended.all();
  const CheckpointFolder checkpoints(folder / "run/checkpoints");
  EXPECT_EQ(checkpoints.steps().back(), 1);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "run")) {
    EXPECT_FALSE(entry.path().string().ends_with(".tmp")) << entry.path();
  }
  EXPECT_EQ(load_checkpoint(checkpoints.path_of(1)).state.step, 1);
}

TEST(Program, never_writes_over_what_it_reads) {
  const TemporaryFolder folder;
  const std::string out = (folder / "run").string();
  ASSERT_EQ(run("train --steps 1 --output " + out + small_model).exit_code, 0);
  const std::filesystem::path model = folder / "run/checkpoints/step-00000001.safetensors";
  const std::string whole = read_text(model);
  std::filesystem::create_symlink(model, folder / "link");
  std::filesystem::create_hard_link(model, folder / "hard");
  std::filesystem::create_directory(folder / "pictures");
  std::filesystem::create_hard_link(model, folder / "pictures/000000.png");
  const std::string of = " --checkpoint " + model.string() + " ";
  for (const std::string& place : {model.string(), (folder / "link").string(), (folder / "hard").string(),
                                   out + "/./checkpoints/../checkpoints/step-00000001.safetensors"}) {
    expect_refused("export --output " + place + of, "would replace what --checkpoint");
    expect_refused("sample --grid " + place + of, "would replace what --checkpoint");
    expect_refused("evaluate --json " + place + of, "would replace what --checkpoint");
    expect_refused("capture --layer 0 --step 0 --output " + place + of, "would replace what --checkpoint");
    expect_refused("capture --layer 0 --step 0 --output " + (folder / "c").string() + " --picture " + place + of,
                   "would replace what --checkpoint");
  }
  expect_refused("sample --folder " + (folder / "pictures").string() + of, "would replace what --checkpoint");
  expect_refused("sample --steps-folder " + (folder / "pictures").string() + of, "would replace");
  expect_refused("train --init-from " + model.string() + " --output " + out + small_model, "would replace");
  const std::string same = (folder / "same").string();
  expect_refused("capture --layer 0 --step 0 --output " + same + " --picture " + same + of, "are the same file");
  std::filesystem::create_directories(folder / "data");
  files::write_png(folder / "data/a.png", files::Image(8, 8));
  expect_refused("evaluate --data " + (folder / "data").string() + " --json " + (folder / "data/a.png").string() + of,
                 "lies in the folder that --data");
  expect_refused("train --data " + (folder / "data").string() + " --output " + (folder / "data/run").string(),
                 "lies in the folder that --data");
  EXPECT_EQ(read_text(model), whole);
}

TEST(Program, keeps_the_names_of_classes_in_the_checkpoint) {
  const TemporaryFolder folder;
  for (const char* name : {"train/cat", "train/dog", "val/dog"}) {
    std::filesystem::create_directories(folder / name);
    for (int i = 0; i < 3; ++i) files::write_png(folder / name / (std::to_string(i) + ".png"), files::Image(8, 8));
  }
  const std::string data = " --data " + folder.string();
  const TemporaryFolder runs;
  ASSERT_EQ(run("train --steps 1 --output " + (runs / "run").string() + data + small_model).exit_code, 0);
  const std::string model = (runs / "run/checkpoints/step-00000001.safetensors").string();
  ASSERT_EQ(run("export --checkpoint " + model + " --output " + (runs / "m").string()).exit_code, 0);
  EXPECT_EQ(load_model(runs / "m").config.class_names, (std::vector<std::string>{"cat", "dog"}));
  const std::string judge =
      "evaluate --count 2 --steps 1 --directions 2 --no-full --checkpoint " + (runs / "m").string();
  std::filesystem::rename(folder / "val/dog", folder / "val/fox");
  expect_refused(judge + data, "class 'fox' is not one of the 2 classes: 'cat', 'dog'");
  expect_refused("train --resume --steps 2 --output " + (runs / "run").string() + small_model, "class 'fox'");
}

TEST(Program, leaves_without_a_file_when_long_work_is_interrupted) {
  const TemporaryFolder folder;
  const std::string out = (folder / "run").string();
  ASSERT_EQ(run("train --steps 1 --output " + out + small_model).exit_code, 0);
  const std::string of = " --checkpoint " + out + "/checkpoints/step-00000001.safetensors --steps 100000 ";
  const std::string result = (folder / "result").string();
  for (const std::string& command : {"sample --count 4 --grid " + result, "evaluate --count 4 --json " + result,
                                     "capture --layer 0 --step 9 --output " + result}) {
    room::RunningProgram child = start(command + of);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    child.send(SIGTERM);
    const room::ProgramRun end = child.wait();
    EXPECT_EQ(end.exit_code, 130) << command;
    EXPECT_EQ(end.all(), "llsa-diffusion: interrupted\n");
    EXPECT_FALSE(std::filesystem::exists(result)) << command;
  }
}

TEST(Program, clears_away_what_a_killed_run_left) {
  const TemporaryFolder folder;
  const std::string out = (folder / "run").string(), other = out + "/.hidden";
  ASSERT_EQ(run("train --steps 1 --output " + out + small_model).exit_code, 0);
  const std::vector<std::string> left = {out + "/.log.jsonl.99999999.0.tmp", out + "/.loss.png.99999999.7.tmp",
                                         out + "/samples/.step-00000001.png.99999999.2.tmp",
                                         out + "/checkpoints/.step-00000002.safetensors.99999999.9.tmp"};
  for (const std::string& name : left) std::ofstream(name) << "half";
  std::ofstream(other) << "mine";
  ASSERT_EQ(run("train --resume --output " + out + small_model + "--steps 1").exit_code, 0);
  for (const std::string& name : left) EXPECT_FALSE(std::filesystem::exists(name)) << name;
  EXPECT_TRUE(std::filesystem::exists(other));
}

TEST(Program, trains_samples_captures_evaluates_and_exports) {
  const TemporaryFolder folder;
  const std::string out = (folder / "run").string();
  ASSERT_EQ(run("train --output " + out + small_model + "--steps 2 --keep 1").exit_code, 0);
  const std::string checkpoint = " --checkpoint " + out + "/checkpoints/step-00000002.safetensors ";
  EXPECT_TRUE(std::filesystem::exists(folder / "run/samples/step-00000002.png"));
  EXPECT_FALSE(std::filesystem::exists(folder / "run/checkpoints/step-00000000.safetensors"));

  EXPECT_EQ(run("sample" + checkpoint + "--count 3 --steps 2 --grid " + out + "/grid.png --folder " + out +
                "/single --steps-folder " + out + "/steps")
                .exit_code,
            0);
  EXPECT_EQ(files::read_image(folder / "run/single/000002.png").width, 8);
  EXPECT_TRUE(std::filesystem::exists(folder / "run/steps/000001-step-002.png"));
  EXPECT_TRUE(std::filesystem::exists(folder / "run/grid.png"));

  EXPECT_EQ(run("capture" + checkpoint + "--layer 0 --step 1 --steps 2 --output " + out + "/c.safetensors").exit_code,
            0);
  EXPECT_TRUE(std::filesystem::exists(folder / "run/c.safetensors"));

  const room::ProgramRun judged =
      run("evaluate" + checkpoint + "--count 2 --steps 1 --directions 4 --data shapes:5 --json " + out + "/e.json");
  EXPECT_EQ(judged.exit_code, 0) << judged.all();
  EXPECT_NE(judged.all().find("sliced Wasserstein"), std::string::npos);
  EXPECT_NE(read_text(folder / "run/e.json").find("same_noise_difference"), std::string::npos);

  EXPECT_EQ(run("export" + checkpoint + "--output " + out + "/model.safetensors").exit_code, 0);
  EXPECT_EQ(run("sample --checkpoint " + out + "/model.safetensors --count 1 --steps 1 --method full --grid " + out +
                "/full.png")
                .exit_code,
            0);

  // Larger pictures from smaller ones: everything fits.
  std::string twice_as_large = small_model;
  twice_as_large.replace(twice_as_large.find("--image-size 8"), 14, "--image-size 16");
  const room::ProgramRun larger =
      run("train --steps 1 --output " + out + "-16 --init-from " + out + "/model.safetensors" + twice_as_large);
  EXPECT_EQ(larger.exit_code, 0) << larger.all();
  EXPECT_NE(larger.all().find("took over 27 of 27"), std::string::npos) << larger.all();
}

TEST(Program, trains_the_baselines_and_takes_weights_from_one_method_to_another) {
  const TemporaryFolder folder;
  const std::string out = (folder / "llsa").string();
  ASSERT_EQ(run("train --output " + out + small_model + "--steps 1").exit_code, 0);
  const std::string model = out + "/checkpoints/step-00000001.safetensors";
  for (const std::string method : {"vsa", "sla"}) {
    const std::string there = (folder / method).string();
    const room::ProgramRun trained =
        run("train --steps 2 --method " + method + " --output " + there + " --init-from " + model + small_model);
    EXPECT_EQ(trained.exit_code, 0) << trained.all();
    EXPECT_NE(trained.all().find(method == "sla" ? "took over 27 of 29" : "took over 27 of 27"), std::string::npos)
        << trained.all();
    const std::string end = there + "/checkpoints/step-00000002.safetensors";
    EXPECT_EQ(load_model(end).config.attention.method, method);
    EXPECT_EQ(run("evaluate --count 2 --steps 1 --directions 4 --checkpoint " + end).exit_code, 0);
    EXPECT_EQ(run("export --method llsa --output " + there + "/m.safetensors --checkpoint " + end).exit_code, 0);
  }
  const room::ProgramRun old = run("export --attention=full --enrichment auto --out " + (folder / "old").string() +
                                   ".safetensors --checkpoint " + model);
  EXPECT_EQ(old.exit_code, 0) << old.all();
  for (const char* said : {"llsa-diffusion: --attention is now --method", "llsa-diffusion: --out is now --output",
                           "llsa-diffusion: --enrichment is now --enrichment-levels"})
    EXPECT_NE(old.all().find(said), std::string::npos) << old.all();
  const room::ProgramRun sampled =
      run("sample --method sla --count 1 --steps 1 --checkpoint " + model + " --grid " + out + "/grid.png");
  EXPECT_EQ(sampled.exit_code, 0) << sampled.all();
  EXPECT_NE(sampled.all().find("with sla attention"), std::string::npos) << sampled.all();
}

TEST(Program, refuses_bad_input_with_one_line_and_leaves_nothing_behind) {
  const TemporaryFolder folder;
  const std::string out = " --output " + (folder / "run").string();
  expect_refused("", "give a command");
  expect_refused("train", "--output");
  expect_refused("train --data /nonexistent/folder" + out, "/nonexistent/folder");
  expect_refused("train --preset huge" + out, "preset is 'huge'");
  expect_refused("train --hidden 30" + out, "hidden");
  expect_refused("train --heads 0" + out, "heads");
  expect_refused("train --image-size 30 --patch-size 4" + out, "patch size");
  expect_refused("train --batch 3 --micro-batch 2" + out, "micro batch");
  expect_refused("train --lr nan" + out, "learning rate");
  expect_refused("train --steps 0" + out, "steps");
  expect_refused("train --steps many" + out, "many");
  expect_refused("train --method none" + out, "method is 'none'");
  expect_refused("train --levels some" + out, "--levels");
  expect_refused("train --top-k 0" + out, "top_k");
  expect_refused("train --order spiral" + out, "spiral");
  expect_refused("train --backend gpu" + out, "gpu");
  expect_refused("train --threads -1" + out, "thread");
  expect_refused("train --keep 0" + out, "kept");
  expect_refused("train --init-from /nonexistent/model.safetensors" + small_model + out, "/nonexistent/model");
  expect_refused("train --seed -1" + out, "'-1' is not a whole number, 0 or more");
  expect_refused("train --steps 99999999999999999999" + out, "out of range");
  expect_refused("train --lr 1e400" + out, "out of range");
  expect_refused("train --sample-count 99999999999" + out, "number of samples");
  expect_refused("train --image-size 8 --sample-count 999999" + out, "pixels are allowed");
  EXPECT_FALSE(std::filesystem::exists(folder / "run")) << "nothing is written before everything is checked";

  expect_refused("sample --checkpoint /nonexistent/model --grid x.png", "/nonexistent/model");
  std::ofstream(folder / "junk.safetensors") << "junk";
  const std::string junk = (folder / "junk.safetensors").string();
  expect_refused("sample --checkpoint " + junk + " --grid x.png", "junk.safetensors");
  expect_refused("evaluate --checkpoint " + junk, "junk.safetensors");
  expect_refused("export --precision f8 --checkpoint " + junk + " --output y", "precision");
}

TEST(Program, refuses_to_mix_runs) {
  const TemporaryFolder folder;
  const std::string out = " --output " + (folder / "run").string() + small_model;
  ASSERT_EQ(run("train --steps 1" + out).exit_code, 0);
  expect_refused("train --steps 2" + out, "--resume");
  expect_refused("train --resume --lr 0.5" + out, "--lr");
  expect_refused("train --resume --data shapes:7" + out, "--data");
  EXPECT_EQ(run("train --resume --steps 2 --output " + (folder / "run").string() + " --quiet").exit_code, 0)
      << "settings come from the checkpoint, and a run may be made longer";
  const std::string model = (folder / "run/checkpoints/step-00000002.safetensors").string();
  expect_refused("sample --checkpoint " + model, "nothing to write");
  expect_refused("sample --label 11 --grid x.png --checkpoint " + model, "label is 11");
  expect_refused("capture --layer 1 --step 0 --output x --checkpoint " + model, "layer is 1");
  expect_refused("capture --layer 0 --step 20 --output x --checkpoint " + model, "step is 20");

  // What cannot be written is said before the work, and of two files neither is written.
  const std::string of = " --checkpoint " + model, nowhere = (folder / "nowhere/file").string();
  expect_refused("sample --steps 100000 --grid " + nowhere + of, "nowhere/file: cannot be created");
  expect_refused("sample --steps 100000 --grid " + folder.string() + of, "not the name of a regular file");
  expect_refused("sample --count 1 --columns 60000000 --steps 100000 --grid x.png" + of, "pixels are allowed");
  expect_refused("sample --count 99999999999 --label 3 --grid x.png" + of, "number of pictures");
  expect_refused("sample --folder " + model + of, "a folder is needed");
  expect_refused("evaluate --count 2 --steps 100000 --json " + nowhere + of, "nowhere/file");
  expect_refused("evaluate --count 2 --directions 2000000000" + of, "directions are 2000000000");
  const std::string tensors = (folder / "c.safetensors").string();
  expect_refused("capture --layer 0 --step 0 --output " + tensors + " --picture " + nowhere + of, "nowhere/file");
  EXPECT_FALSE(std::filesystem::exists(tensors));
}

}  // namespace
}  // namespace llsa::diffusion::testing

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "support/run_program.hpp"
#include "training_fixture.hpp"

/// What the scripts that train in several stages ask the program for.
namespace llsa::diffusion::testing {
namespace {

/// Runs a script with a program in place of llsa-diffusion that writes down what it was asked, a line each time, and
/// makes a checkpoint where one is expected.
std::vector<std::string> asked_by(const TemporaryFolder& folder, const std::string& command) {
  room::write_text(folder / "stand-in",
                   "#!/bin/sh\necho \"$*\" >> \"$ASKED\"\n"
                   "if [ \"$1\" = train ]; then mkdir -p \"$4/checkpoints\"; : > "
                   "\"$4/checkpoints/step-00000002.safetensors\"; fi\n");
  std::filesystem::permissions(folder / "stand-in", std::filesystem::perms::owner_all);
  const std::string environment =
      "ASKED=" + (folder / "asked").string() + " LLSA_DIFFUSION=" + (folder / "stand-in").string() + " ";
  EXPECT_EQ(std::system((environment + command + " > /dev/null").c_str()), 0) << command;
  std::istringstream asked(read_text(folder / "asked"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(asked, line);) lines.push_back(line);
  return lines;
}

TEST(TrainingScripts, of_the_landscape_model_trains_each_stage_from_the_one_before) {
  const TemporaryFolder folder;
  const std::string runs = (folder / "my runs").string(), script = LLSA_SOURCE_DIR "/scripts/train-landscape";
  const std::vector<std::string> lines = asked_by(folder, script + " '" + runs + "' 2");
  ASSERT_EQ(lines.size(), 4u);
  for (const auto& [line, words] : {std::pair{0, "--output " + runs + "/16 --data landscape:1 --image-size 16"},
                                    {1, "--output " + runs + "/32 --data landscape:1 --image-size 32"},
                                    {1, "--init-from " + runs + "/16/checkpoints/step-00000002.safetensors"},
                                    {2, "--image-size 64"},
                                    {2, "--init-from " + runs + "/32/checkpoints/step-00000002.safetensors"},
                                    {3, "export --checkpoint " + runs + "/64/checkpoints/step-00000002.safetensors"}})
    EXPECT_NE(lines[std::size_t(line)].find(words), std::string::npos) << lines[std::size_t(line)];
  for (std::size_t stage = 0; stage < 3; ++stage)
    EXPECT_NE(lines[stage].find("train --resume"), std::string::npos) << "goes on where it was stopped";
  EXPECT_NE(std::system((script + " 2> /dev/null").c_str()), 0) << "without a folder";
}

TEST(TrainingScripts, of_the_paper_s_recipe_give_every_stage_its_settings) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "pictures");
  for (int i = 0; i < 12; ++i) room::write_text(folder / "pictures" / (std::to_string(i) + ".JPG"), "");
  room::write_text(folder / "pictures/notes.txt", "");
  const std::string runs = (folder / "my runs").string(), script = LLSA_SOURCE_DIR "/scripts/train-recipe";
  const std::vector<std::string> lines =
      asked_by(folder, script + " " + (folder / "pictures").string() + " '" + runs + "'");
  ASSERT_EQ(lines.size(), 5u);
  const std::string last = "/checkpoints/step-00000002.safetensors";
  const std::vector<std::vector<std::string>> stages = {
      {"--output " + runs + "/32 ", "--image-size 32 --batch 64 --steps 8 --noise-scale 1 "},
      {"--image-size 128 --batch 16 --steps 15 --noise-scale 2 ", "--init-from " + runs + "/32" + last},
      {"--image-size 256 --batch 4 --steps 30 --noise-scale 4 ", "--init-from " + runs + "/128" + last},
      {"--image-size 512 --batch 1 --steps 24 --noise-scale 8 ", "--init-from " + runs + "/256" + last}};
  for (std::size_t i = 0; i < stages.size(); ++i) {
    for (const std::string& words : stages[i]) EXPECT_NE(lines[i].find(words), std::string::npos) << lines[i];
    for (const char* words : {"train --resume", "--preset S", "--data ", "--levels auto", "--unconditional"})
      EXPECT_NE(lines[i].find(words), std::string::npos) << lines[i];
  }
  EXPECT_EQ(lines[4], "export --checkpoint " + runs + "/512" + last + " --output " + runs + "/recipe.safetensors");
  for (const std::string& wrong :
       std::vector<std::string>{"", " " + (folder / "nowhere").string() + " " + runs, " landscape:1"})
    EXPECT_NE(std::system((script + wrong + " 2> /dev/null").c_str()), 0) << wrong;
}

TEST(TrainingScripts, of_the_paper_s_recipe_run_dry) {
  const TemporaryFolder folder;
  const std::string runs = (folder / "runs").string();
  ASSERT_EQ(std::system(("LLSA_DIFFUSION=" LLSA_DIFFUSION_PROGRAM " " LLSA_SOURCE_DIR
                         "/scripts/train-recipe --dry-run landscape:1 " +
                         runs + " > /dev/null 2>&1")
                            .c_str()),
            0);
  for (const char* size : {"4", "16", "32", "64"})
    EXPECT_TRUE(std::filesystem::exists(folder / "runs/dry-run" / size / "checkpoints/step-00000002.safetensors"))
        << size;
  EXPECT_TRUE(std::filesystem::exists(folder / "runs/dry-run/recipe.safetensors"));
}

}  // namespace
}  // namespace llsa::diffusion::testing

#include <gtest/gtest.h>

#include <algorithm>

#include "diffusion/checkpoint.hpp"
#include "files/image.hpp"
#include "support/run_program.hpp"
#include "training_fixture.hpp"

/// The program with pictures that are not square, and with videos.
namespace llsa::diffusion::testing {
namespace {

namespace fs = std::filesystem;

room::ProgramRun run(const std::string& arguments) { return room::run_program(LLSA_DIFFUSION_PROGRAM, arguments); }

void expect_done(const std::string& arguments) {
  const room::ProgramRun outcome = run(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << arguments << "\n" << outcome.all();
}

void expect_refused(const std::string& arguments, const std::string& hint) {
  const room::ProgramRun outcome = run(arguments);
  EXPECT_EQ(outcome.exit_code, 2) << arguments << "\n" << outcome.all();
  EXPECT_EQ(std::ranges::count(outcome.all(), '\n'), 1) << outcome.all();
  EXPECT_NE(outcome.all().find(hint), std::string::npos) << outcome.all();
}

const std::string small_model =
    " --hidden 16 --layers 1 --heads 1 --mlp-ratio 2 --frequency-dim 8 --block-size 4 --levels 1 --top-k 2 --batch 2"
    " --validation-pictures 2 --sample-count 2 --sample-minutes 0 --threads 1 --quiet ";
const std::string moving = small_model + "--data landscape:1 ";

std::string last(const fs::path& run, int step) {
  return (run / ("checkpoints/step-0000000" + std::to_string(step) + ".safetensors")).string();
}

TEST(ShapesOfTheProgram, one_frame_makes_the_model_of_pictures_to_the_byte) {
  const TemporaryFolder folder;
  expect_done("train --steps 2 --image-size 8 --output " + (folder / "a").string() + moving);
  expect_done("train --steps 2 --image-size 8x8 --frames 1 --output " + (folder / "b").string() + moving);
  EXPECT_TRUE(read_text(last(folder / "a", 2)) == read_text(last(folder / "b", 2)));
}

TEST(ShapesOfTheProgram, every_command_takes_wide_pictures_and_videos) {
  const TemporaryFolder folder;
  for (const auto& [name, shape, frames] :
       {std::tuple("wide", "--image-size 4x8 ", 1), {"film", "--frames 3 --image-size 4x6 ", 3}}) {
    const fs::path here = folder / name;
    const auto path = [&](const char* file) { return (here / file).string(); };
    expect_done("train --steps 1 --output " + path("run") + " " + shape + moving);
    expect_done("train --steps 2 --resume --output " + path("run") + " " + shape + moving);
    const std::string of = " --threads 1 --checkpoint " + last(here / "run", 2) + " ";
    expect_done("sample --count 3 --batch 2 --steps 1 --grid " + path("grid.png") + " --folder " + path("fake") +
                " --steps-folder " + path("steps") + of);
    EXPECT_EQ(read_text(here / "grid.png").find("acTL") != std::string::npos, frames > 1);
    EXPECT_EQ(read_text(here / "steps/000002-step-001.png").find("acTL") != std::string::npos, frames > 1);
    expect_done("capture --layer 0 --step 0 --steps 1 --output " + path("qkv") + " --picture " + path("p.png") + of);
    expect_done("evaluate --count 2 --steps 1 --directions 2 --data landscape:2 --no-full --json " + path("j") + of);
    expect_done("export --checkpoint " + last(here / "run", 2) + " --output " + path("model"));
    EXPECT_EQ(load_model(here / "model").config.extent.frames, frames);
    expect_done("profile --repeats 1 --hidden 16 --layers 1 --heads 1 --threads 1 " + std::string(shape));
    expect_done("export-data --data landscape:1 --count 2 --folder " + path("real") + " --size 4x6 --frames " +
                std::to_string(frames));
    for (const char* folder_name : {"fake", "real"})
      EXPECT_EQ(files::read_image(here / folder_name / (frames > 1 ? "000001-002.png" : "000001.png")).height, 4);
    expect_done("train --steps 1 --image-size 8 --output " + path("square") + " --init-from " + path("model") + moving);
  }
}

TEST(ShapesOfTheProgram, a_video_that_lacks_a_frame_is_made_again) {
  const TemporaryFolder folder;
  expect_done("train --steps 1 --frames 2 --image-size 4x6 --output " + (folder / "run").string() + moving);
  const std::string sample = "sample --count 2 --steps 1 --threads 1 --folder " + (folder / "fake").string() +
                             " --checkpoint " + last(folder / "run", 1);
  expect_done(sample);
  const fs::path frame = folder / "fake/000001-001.png";
  const std::string bytes = read_text(frame);
  fs::remove(frame);
  const room::ProgramRun again = run(sample);
  EXPECT_NE(again.all().find("sampled 1 videos"), std::string::npos) << again.all();
  EXPECT_EQ(read_text(frame), bytes);
}

TEST(ShapesOfTheProgram, what_is_not_possible_is_one_line_and_leaves_nothing) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "photos");
  for (const char* name : {"a.png", "b.png", "c.png"}) files::write_png(folder / "photos" / name, files::Image(8, 8));
  const std::string train = "train --steps 1 --output " + (folder / "run").string() + small_model;
  expect_refused(train + "--image-size 8by8",
                 "--image-size is '8by8'; it must be pixels along a side, or height x width");
  expect_refused(train + "--image-size 8x6 --patch-size 4",
                 "patch size is 4; it must be a divisor of the image size 8x6");
  expect_refused(train + "--image-size 8 --frames 0", "model frames is 0; it must be 1 (a picture) to 1024");
  expect_refused(train + "--image-size 8 --frames 2 --data shapes:1", "2 frames, but the data set has pictures alone");
  expect_refused(train + "--image-size 8 --frames 2 --data " + (folder / "photos").string(),
                 "2 frames, but the data set has pictures alone (" + (folder / "photos/a.png").string() + ")");
  EXPECT_FALSE(fs::exists(folder / "run/checkpoints"));
  const std::string real = "export-data --data shapes:1 --count 2 --folder " + (folder / "real").string();
  expect_refused(real + " --size 8x", "size is '8x'");
  expect_refused(real + " --size 8 --frames 2", "pictures alone");
  EXPECT_FALSE(fs::exists(folder / "real"));
}

TEST(ShapesOfTheProgram, a_run_of_another_shape_is_not_resumed) {
  const TemporaryFolder folder;
  const std::string train = "train --steps 1 --resume --output " + (folder / "run").string() + moving;
  expect_done(train + "--frames 2 --image-size 4x6");
  expect_refused(train + "--image-size 4", "--image-size asks for 4, but the run to resume has \"4x6\"");
  expect_refused(train + "--frames 1", "--frames asks for 1, but the run to resume has 2");
  expect_done(train + "--frames 2");
  const std::string pictures = "train --steps 1 --resume --output " + (folder / "pictures").string() + moving;
  expect_done(pictures + "--image-size 4");
  expect_done(pictures + "--image-size 4x4 --frames 1");
  expect_refused(pictures + "--frames 3", "--frames asks for 3, but the run to resume has 1");
}

}  // namespace
}  // namespace llsa::diffusion::testing

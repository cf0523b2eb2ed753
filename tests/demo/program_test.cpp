// The program as a user runs it, on a tiny picture.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "datasets/pixel_projection.hpp"
#include "datasets/procedural.hpp"
#include "files/image.hpp"
#include "files/safetensors.hpp"
#include "support/run_program.hpp"

namespace llsa::demo {
namespace {

room::ProgramRun run(const std::string& arguments) { return room::run_program(LLSA_DEMO_PROGRAM, arguments); }

class DemoProgram : public testing::Test {
 protected:
  std::set<std::string> files() const {
    const std::vector<std::string> names = folder_.names();
    return {names.begin(), names.end()};
  }
  room::TemporaryFolder folder_;
};

TEST_F(DemoProgram, writes_a_report_and_exactly_the_pictures_that_it_shows) {
  const room::ProgramRun outcome = run("--size 32 --heads 1 --head-dim 16 --threads 2 --output " + folder_.string());
  ASSERT_EQ(outcome.exit_code, 0) << outcome.all();
  const std::string report = room::read_text(folder_ / "report.md");
  std::set<std::string> shown{"report.md"};
  for (std::size_t at = report.find("]("); at != std::string::npos; at = report.find("](", at + 1))
    shown.insert(report.substr(at + 2, report.find(')', at) - at - 2));
  EXPECT_EQ(files(), shown);
  EXPECT_EQ(shown.size(), 11u);
  for (const std::string& name : shown)
    EXPECT_TRUE(!name.ends_with(".png") || files::read_image(folder_ / name).width >= 32) << name;
  EXPECT_EQ(files::read_image(folder_ / "picture.png"), datasets::landscape(32, 32, 1));

  for (const char* words :
       {"dense attention", "LLSA, 1 level, overlapping", "LLSA, 1 level, disjoint", "LLSA, 2 levels, overlapping",
        "LLSA, 2 levels, disjoint", "mass on fine keys", "speed-up", "1,024"}) {
    EXPECT_NE(outcome.all().find(words), std::string::npos) << words;
    EXPECT_NE(report.find(words), std::string::npos) << words;
  }
}

TEST_F(DemoProgram, lets_a_model_form_a_picture_and_shows_three_layers_at_three_steps) {
  const std::string checkpoint = LLSA_SOURCE_DIR "/diffusion/checkpoints/shapes16.safetensors";
  const auto out = folder_ / "out";
  const room::ProgramRun outcome =
      run("--size 16 --heads 1 --head-dim 16 --label 3 --checkpoint " + checkpoint + " --output " + out.string());
  ASSERT_EQ(outcome.exit_code, 0) << outcome.all();
  const std::string report = room::read_text(out / "report.md");
  EXPECT_NE(report.find("![What the levels select while the picture is formed](model_forming.png)"), std::string::npos);
  EXPECT_GT(files::read_image(out / "model_forming.png").width, 900);
  for (const char* layer : {"layer 1, step 10 of 20", "layer 3, step 10 of 20", "layer 5, step 10 of 20"})
    EXPECT_NE(report.find(layer), std::string::npos) << layer;
  std::set<std::string> captured;
  for (const auto& entry : std::filesystem::directory_iterator(out / "captures"))
    captured.insert(entry.path().filename().string());
  std::set<std::string> expected{"picture.png", "expected-step-5.png", "expected-step-10.png", "expected-step-15.png"};
  for (const char* layer : {"1", "3", "5"})
    for (const char* step : {"5", "10", "15"})
      expected.insert(std::string("layer-") + layer + "-step-" + step + ".safetensors");
  EXPECT_EQ(captured, expected);
  EXPECT_NE(files::read_image(out / "captures/expected-step-5.png"), files::read_image(out / "captures/picture.png"));
}

TEST_F(DemoProgram, shows_attention_inside_a_model_beside_the_picture_s) {
  const auto picture = datasets::landscape(16, 16, 2);
  files::write_png(folder_ / "model.png", picture);
  const datasets::PixelTokens tokens = datasets::project(picture, datasets::local_features(picture),
                                                         morton_order({1, 16, 16}), {.heads = 2, .head_dim = 16});
  files::TensorFile file{.tensors = {files::from_tensor("q", tokens.query), files::from_tensor("k", tokens.key),
                                     files::from_tensor("v", tokens.value)},
                         .metadata = {{"grid", "16x16"}, {"order", "morton"}, {"levels", "1"}, {"top_k", "4"}}};
  std::string captures;
  for (const char* layer : {"0", "4"}) {
    file.metadata["layer"] = layer;
    const auto path = folder_ / (std::string(layer) + ".safetensors");
    files::write_safetensors(path, file);
    captures += " --capture " + path.string();
  }
  const auto out = folder_ / "out";
  const std::string options = "--size 16 --heads 1 --head-dim 16 --output " + out.string() + captures;
  EXPECT_EQ(run(options).exit_code, 2) << "without the picture";
  const room::ProgramRun outcome = run(options + " --capture-picture " + (folder_ / "model.png").string());
  ASSERT_EQ(outcome.exit_code, 0) << outcome.all();
  const std::string report = room::read_text(out / "report.md");
  EXPECT_NE(report.find("layer 4, step ?"), std::string::npos);
  EXPECT_NE(report.find("top-5 blocks only"), std::string::npos);
  for (const char* name : {"model_selection_1.png", "model_attention_2.png"}) {
    EXPECT_NE(report.find(name), std::string::npos) << name;
    EXPECT_GE(files::read_image(out / name).width, 32) << name;
  }
}

TEST_F(DemoProgram, takes_a_picture_of_any_shape_and_the_pixels_asked_for) {
  const auto picture = folder_ / "wide.png";
  files::write_png(picture, datasets::landscape(61, 37, 5));
  const auto out = folder_ / "deep" / "out";
  const room::ProgramRun outcome =
      run("--image " + picture.string() + " --size 20 --heads 2 --head-dim 16 --query 3,4 --query 19,0 --output " +
          out.string());
  ASSERT_EQ(outcome.exit_code, 0) << outcome.all();
  EXPECT_NE(outcome.all().find("61 x 37"), std::string::npos);
  EXPECT_EQ(files::read_image(out / "picture.png"), files::resize_and_crop(files::read_image(picture), 20, 20));
  EXPECT_NE(room::read_text(out / "report.md").find("Query pixel 2: row 19, column 0"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(out / "selection_3.png"));
}

TEST_F(DemoProgram, says_in_one_line_what_is_wrong) {
  const auto not_a_picture = folder_ / "text.png";
  std::ofstream(not_a_picture) << "hello";
  const auto as_file = folder_ / "file";
  std::ofstream(as_file) << "x";
  for (const std::string& arguments :
       {std::string("--size 4"), std::string("--size many"), std::string("--heads -1"), std::string("--query 1:2"),
        std::string("--query 999,0"), std::string("--image /nowhere.png"), "--image " + not_a_picture.string(),
        std::string("--threads -2"), std::string("--backend abacus"), std::string("--unknown"), std::string("extra")}) {
    const room::ProgramRun outcome = run(arguments + " --output " + (folder_ / "out").string());
    EXPECT_EQ(outcome.exit_code, 2) << arguments;
    EXPECT_EQ(outcome.all().rfind("llsa-demo: ", 0), 0u) << outcome.all();
    EXPECT_EQ(std::ranges::count(outcome.all(), '\n'), 1) << outcome.all();
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out")) << arguments;
  }
  EXPECT_EQ(run("--size 8 --head-dim 16 --output " + as_file.string()).exit_code, 2);
  EXPECT_EQ(room::read_text(as_file), "x");
  EXPECT_EQ(run("--help").exit_code, 0);
}

}  // namespace
}  // namespace llsa::demo

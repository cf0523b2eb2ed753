#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "files/image.hpp"
#include "support/run_program.hpp"
#include "training_fixture.hpp"

/// Folders of many pictures, made over several runs of the program: `sample --folder` and `export-data`.
namespace llsa::diffusion::testing {
namespace {

namespace fs = std::filesystem;

room::ProgramRun run(const std::string& arguments) { return room::run_program(LLSA_DIFFUSION_PROGRAM, arguments); }

void expect_done(const std::string& arguments, const std::string& hint = "") {
  const room::ProgramRun outcome = run(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << arguments << "\n" << outcome.all();
  EXPECT_NE(outcome.all().find(hint), std::string::npos) << outcome.all();
}

void expect_refused(const std::string& arguments, const std::string& hint) {
  const room::ProgramRun outcome = run(arguments);
  EXPECT_EQ(outcome.exit_code, 2) << arguments << "\n" << outcome.all();
  EXPECT_EQ(std::ranges::count(outcome.all(), '\n'), 1) << outcome.all();
  EXPECT_NE(outcome.all().find(hint), std::string::npos) << outcome.all();
}

std::string number(int i) { return "00000" + std::to_string(i) + ".png"; }

void expect_same_pictures(const fs::path& a, const fs::path& b, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string bytes = read_text(a / number(i));
    EXPECT_GT(bytes.size(), 50u) << a << " " << i;
    EXPECT_EQ(bytes, read_text(b / number(i))) << i;
  }
}

void write_text(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }

class PictureFolderOfProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string model =
        " --image-size 8 --hidden 16 --layers 1 --heads 1 --mlp-ratio 2 --frequency-dim 8 --block-size 4 --levels 1"
        " --top-k 2 --batch 2 --validation-pictures 2 --sample-count 1 --sample-every 0 --quiet";
    ASSERT_EQ(run("train --steps 1 --output " + (folder_ / "run").string() + model).exit_code, 0);
  }

  std::string sample(const std::string& to, const std::string& more) const {
    return "sample --checkpoint " + (folder_ / "run/checkpoints/step-00000001.safetensors").string() + " --folder " +
           (folder_ / to).string() + (more.find("--steps") == std::string::npos ? " --steps 2 " : " ") + more;
  }

  TemporaryFolder folder_;
};

TEST_F(PictureFolderOfProgram, is_the_same_however_often_it_was_begun_again) {
  expect_done(sample("whole", "--count 5 --batch 5"), "sampled 5 pictures");
  expect_done(sample("parts", "--count 3 --batch 2"), "sampled 3 pictures");
  expect_same_pictures(folder_ / "whole", folder_ / "parts", 3);
  fs::remove(folder_ / "parts" / number(1));
  write_text(folder_ / "parts" / number(2), "kept as it is");
  expect_done(sample("parts", "--count 5 --batch 3"), "2 pictures were there already");
  EXPECT_EQ(read_text(folder_ / "parts" / number(2)), "kept as it is");
  fs::remove(folder_ / "parts" / number(2));
  expect_done(sample("parts", "--count 5 --batch 1"), "sampled 1 pictures");
  expect_same_pictures(folder_ / "whole", folder_ / "parts", 5);
  expect_done(sample("parts", "--count 5"), "sampled 0 pictures");
}

TEST(PictureFolder, counts_labels_by_the_pictures_numbers) {
  // A model that has learned what its labels mean.
  const TemporaryFolder folder;
  const auto sample = [&](const char* to, const char* more) {
    return std::string("sample --steps 2 --checkpoint " LLSA_SOURCE_DIR
                       "/diffusion/checkpoints/shapes16.safetensors ") +
           more + " --folder " + (folder / to).string();
  };
  expect_done(sample("five", "--count 5 --batch 5 --label 0,1"));
  expect_done(sample("one", "--count 5 --batch 1 --label 0,1"));
  expect_same_pictures(folder / "five", folder / "one", 5);
  expect_done(sample("other", "--count 5 --label 1,0"));
  EXPECT_NE(read_text(folder / "five" / number(1)), read_text(folder / "other" / number(1)));
  // Without a word, every class in turn.
  expect_done(sample("turn", "--count 3 --batch 1"));
  expect_done(sample("said", "--count 3 --label 0,1,2"));
  expect_same_pictures(folder / "turn", folder / "said", 3);
}

TEST_F(PictureFolderOfProgram, takes_no_pictures_of_other_settings) {
  expect_done(sample("pictures", "--count 1"));
  const std::string before = read_text(folder_ / "pictures/made.json");
  expect_refused(sample("pictures", "--count 2 --steps 3"), "its pictures were made with steps 2, not 3");
  expect_refused(sample("pictures", "--count 2 --seed 9"), "its pictures were made with seed 1, not 9");
  expect_refused(sample("pictures", "--count 2 --guidance 2"), "its pictures were made with guidance 1.0, not 2.0");
  expect_refused(sample("pictures", "--count 2 --sampler heun"), "made with sampler \"euler\", not \"heun\"");
  expect_refused(sample("pictures", "--count 2 --guidance-interval 0,0.5"), "made with guidance_interval");
  expect_refused(sample("pictures", "--count 2 --label 1"), "its pictures were made with labels");
  expect_refused(sample("pictures", "--count 2 --top-k 1"), "its pictures were made with model");
  ASSERT_EQ(run("train --resume --steps 2 --quiet --output " + (folder_ / "run").string()).exit_code, 0);
  expect_refused("sample --steps 2 --checkpoint " + (folder_ / "run/checkpoints/step-00000002.safetensors").string() +
                     " --folder " + (folder_ / "pictures").string(),
                 "its pictures were made with weights");
  EXPECT_FALSE(fs::exists(folder_ / "pictures" / number(1)));
  EXPECT_EQ(read_text(folder_ / "pictures/made.json"), before);
}

TEST_F(PictureFolderOfProgram, takes_no_pictures_of_which_nothing_is_known) {
  fs::create_directory(folder_ / "pictures");
  write_text(folder_ / "pictures/000007.png", "somebody's");
  expect_refused(sample("pictures", "--count 1"), "has pictures already (000007.png), and no made.json");
  EXPECT_FALSE(fs::exists(folder_ / "pictures" / number(0)));
  write_text(folder_ / "pictures/made.json", "[]");
  expect_refused(sample("pictures", "--count 1"), "made.json: is not the record of a folder of pictures");
}

TEST_F(PictureFolderOfProgram, and_a_grid_come_from_the_same_pictures) {
  expect_done(sample("pictures", "--count 3 --batch 2 --zoom 1 --columns 3 --grid " + (folder_ / "grid.png").string()));
  const files::Image grid = files::read_image(folder_ / "grid.png");
  for (int i = 0; i < 3; ++i) {
    const files::Image one = files::read_image(folder_ / "pictures" / number(i));
    for (int c = 0; c < 3; ++c) EXPECT_EQ(grid.pixel(i * 9 + 3, 5)[c], one.pixel(3, 5)[c]) << i;
  }
}

TEST(ExportData, writes_the_same_pictures_however_often_it_was_begun_again) {
  const TemporaryFolder folder;
  const auto arguments = [&](const char* to, const char* more) {
    return "export-data --data landscape:3 --size 16 --folder " + (folder / to).string() + " " + more;
  };
  expect_done(arguments("whole", "--count 5"), "wrote 5 pictures of 16 x 16");
  expect_done(arguments("parts", "--count 2"));
  fs::remove(folder / "parts" / number(0));
  expect_done(arguments("parts", "--count 5"), "wrote 4 pictures of 16 x 16");
  expect_same_pictures(folder / "whole", folder / "parts", 5);
  EXPECT_EQ(files::read_image(folder / "whole" / number(4)).width, 16);
  expect_refused(arguments("parts", "--count 5 --seed 2"), "its pictures were made with seed 1, not 2");
  expect_refused("export-data --data landscape:3 --size 8 --folder " + (folder / "parts").string(),
                 "its pictures were made with size 16, not 8");
}

TEST(ExportData, leaves_out_what_cannot_be_read_and_says_so) {
  const TemporaryFolder folder;
  fs::create_directory(folder / "data");
  files::write_png(folder / "data/a.png", files::Image(9, 9));
  files::write_png(folder / "data/c.png", files::Image(9, 9));
  write_text(folder / "data/b.png", "no picture");
  const std::string arguments =
      "export-data --data " + (folder / "data").string() + " --size 4 --folder " + (folder / "out").string();
  const room::ProgramRun outcome = run(arguments);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_NE(outcome.all().find("left out: "), std::string::npos) << outcome.all();
  EXPECT_NE(outcome.all().find("wrote 2 pictures of 4 x 4"), std::string::npos) << outcome.all();
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "out"), fs::directory_iterator()), 3);
  expect_refused(arguments + " --count 4", "number of pictures is 4; ");
  expect_refused(arguments + " --count -1", "number of pictures is -1");
  expect_refused("export-data --data landscape --size 0 --folder " + (folder / "out").string(), "size is 0");
  fs::remove(folder / "data/a.png");
  fs::remove(folder / "data/c.png");
  fs::remove_all(folder / "out");
  EXPECT_EQ(run(arguments).exit_code, 2);
}

}  // namespace
}  // namespace llsa::diffusion::testing

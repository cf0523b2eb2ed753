#include "diffusion/data.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "diffusion/pictures.hpp"
#include "llsa/error.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

/// `count` pictures of one colour each, in two class folders; the colour tells the number.
void write_folder(const TemporaryFolder& folder, int count) {
  for (int i = 0; i < count; ++i) {
    files::Image image{8, 8};
    for (std::size_t k = 0; k < image.rgb.size(); ++k) image.rgb[k] = std::uint8_t(i * 10);
    std::filesystem::create_directories(folder / (i % 2 ? "odd" : "even"));
    files::write_png(folder / ((i % 2 ? "odd/" : "even/") + std::to_string(i) + ".png"), image);
  }
}

/// Which of those pictures a batch holds.
std::vector<int> numbers_of(const Batch& batch, std::int64_t elements) {
  std::vector<int> numbers;
  for (std::int64_t i = 0; i < batch.count(); ++i) {
    numbers.push_back(int(std::lround((batch.pictures[std::size_t(i * elements)] + 1) * 127.5 / 10)));
  }
  return numbers;
}

TrainConfig folder_training(const TemporaryFolder& folder) {
  TrainConfig config = small_training();
  config.model.classes = 2;
  config.data.place = folder.string();
  return config;
}

TEST(TrainingPictures, of_a_folder_are_never_those_held_out_for_validation) {
  const TemporaryFolder folder;
  write_folder(folder, 20);
  const TrainConfig config = folder_training(folder);
  const TrainingData data(config.data, 6);
  EXPECT_EQ(data.classes(), (std::vector<std::string>{"even", "odd"}));
  EXPECT_EQ(data.training_size(), 14);
  const Batch held_out = data.validation(config.model, 100, {});
  const auto held = numbers_of(held_out, config.model.image_elements());
  ASSERT_EQ(held.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(held_out.labels[i], held[i] % 2);
  BatchLoader loader(data, config, 0, {});
  std::vector<int> seen;
  for (int step = 0; step < 7; ++step) {
    const auto now = numbers_of(loader.next(), config.model.image_elements());
    seen.insert(seen.end(), now.begin(), now.end());
  }
  std::set<int> first_epoch(seen.begin(), seen.begin() + 14);
  EXPECT_EQ(first_epoch.size(), 14u) << "an epoch shows every picture once";
  for (const int number : held) EXPECT_EQ(first_epoch.count(number), 0u);
}

TEST(TrainingPictures, continue_at_a_position_as_if_nothing_had_happened) {
  TrainConfig config = small_training();
  config.mirror = true;
  const TrainingData data(config.data, 4);
  BatchLoader whole(data, config, 0, {});
  for (int step = 0; step < 3; ++step) whole.next();
  BatchLoader resumed(data, config, whole.position(), {});
  const Batch a = whole.next(), b = resumed.next();
  EXPECT_EQ(a.pictures, b.pictures);
  EXPECT_EQ(a.labels, b.labels);
  EXPECT_EQ(whole.position(), resumed.position());
  config.seed = 2;
  EXPECT_NE(BatchLoader(data, config, 0, {}).next().pictures,
            BatchLoader(data, small_training(), 0, {}).next().pictures);
}

TEST(TrainingPictures, pass_over_an_unreadable_file_and_say_which) {
  const TemporaryFolder folder;
  write_folder(folder, 12);
  std::ofstream(folder / "odd/3.png") << "not a picture";
  const TrainConfig config = folder_training(folder);
  const TrainingData data(config.data, 2);
  std::vector<std::string> reports;
  BatchLoader loader(data, config, 0, [&](const std::string& line) { reports.push_back(line); });
  for (int step = 0; step < 6; ++step) {
    for (const int number : numbers_of(loader.next(), config.model.image_elements())) EXPECT_NE(number, 3);
  }
  for (const std::string& line : reports) EXPECT_NE(line.find("3.png"), std::string::npos);
  EXPECT_GT(loader.position(), 24u);
}

TEST(TrainingPictures, refuse_a_folder_that_is_missing_empty_or_too_small) {
  const TemporaryFolder folder;
  EXPECT_THROW(TrainingData({.place = (folder / "none").string()}, 2), Error);
  EXPECT_THROW(TrainingData({.place = folder.string()}, 2), Error);
  write_folder(folder, 4);
  EXPECT_THROW(TrainingData({.place = folder.string()}, 4), Error);
  EXPECT_NO_THROW(TrainingData({.place = folder.string()}, 3));
}

/// A folder with pictures of one colour for every name.
void write_classes(const std::filesystem::path& folder, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    std::filesystem::create_directories(folder / name);
    for (int i = 0; i < 3; ++i) {
      files::Image image{8, 8};
      for (std::size_t k = 0; k < image.rgb.size(); ++k) image.rgb[k] = std::uint8_t(name[0]);
      files::write_png(folder / name / (std::to_string(i) + ".png"), image);
    }
  }
}

/// Whether every picture of a batch has the label of its class, told by its colour, among `names`.
void expect_labels_by_name(const Batch& batch, const ModelConfig& model, const std::vector<std::string>& names) {
  for (std::int64_t i = 0; i < batch.count(); ++i) {
    const auto letter = char(std::lround((batch.pictures[std::size_t(i * model.image_elements())] + 1) * 127.5));
    EXPECT_EQ(names.at(std::size_t(batch.labels[std::size_t(i)]))[0], letter);
  }
}

TEST(Labels, of_validation_pictures_are_by_name_however_few_classes_they_have) {
  const TemporaryFolder folder;
  const std::vector<std::string> names = {"cat", "dog", "emu"};
  write_classes(folder / "both/train", names);
  write_classes(folder / "both/val", {"dog", "emu"});
  write_classes(folder / "other", {"emu", "dog"});
  ModelConfig model = small_training().model;
  model.classes = 3;
  for (const DataConfig& config :
       {DataConfig{.place = (folder / "both").string()},
        DataConfig{.place = (folder / "both").string(), .validation = (folder / "other").string()}}) {
    const TrainingData data(config, 2);
    EXPECT_EQ(data.classes(), names);
    const Batch batch = data.validation(model, 6, {});
    EXPECT_EQ(batch.count(), 6);
    expect_labels_by_name(batch, model, names);
  }
}

TEST(Labels, are_numbered_by_the_names_of_the_checkpoint_and_an_unknown_one_is_refused_by_name) {
  const TemporaryFolder folder;
  write_classes(folder / "data", {"dog", "emu"});
  ModelConfig model = small_training().model;
  model.classes = 3;
  model.class_names = {"cat", "dog", "emu"};
  const DataConfig config{.place = (folder / "data").string()};
  expect_labels_by_name(TrainingData(config, 2, labels_of(model)).validation(model, 2, {}), model, model.class_names);
  write_classes(folder / "data", {"fox"});
  try {
    TrainingData(config, 2, labels_of(model));
    ADD_FAILURE() << "fox was taken for something";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("class 'fox' is not one of the 3 classes"), std::string::npos)
        << error.what();
  }
  model.classes = 0;
  model.class_names.clear();
  EXPECT_NO_THROW(TrainingData(config, 2, labels_of(model))) << "without labels any class may come";
}

TEST(GeneratedPictures, of_the_validation_set_come_from_the_next_seed) {
  const TrainConfig config = small_training();
  const Batch validation = TrainingData({.place = "shapes:3"}, 4).validation(config.model, 5, {});
  const auto next = datasets::open_shapes(60'000, 4);
  const Batch expected = load_pictures(*next, config.model, 0, 5, {});
  EXPECT_EQ(validation.pictures, expected.pictures);
  EXPECT_EQ(validation.labels, expected.labels);
}

TEST(Pictures, go_to_numbers_and_back_unchanged) {
  files::Image image{3, 3};
  for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = std::uint8_t(i * 9 + (i % 2 ? 13 : 0));
  image.rgb[0] = 0;
  image.rgb[1] = 255;
  std::vector<float> numbers(27);
  to_numbers(image, 3, false, numbers);
  EXPECT_EQ(numbers[0], -1);
  EXPECT_EQ(numbers[9], 1);
  EXPECT_EQ(to_image(numbers, 3, files::square(3)), image);
  std::vector<float> mirrored(27);
  to_numbers(image, 3, true, mirrored);
  EXPECT_EQ(mirrored[2], numbers[0]);
  EXPECT_EQ(mirrored[1], numbers[1]);
  std::vector<float> grey(9);
  to_numbers(image, 1, false, grey);
  EXPECT_NEAR(grey[4], (numbers[4] + numbers[13] + numbers[22]) / 3, 1e-6);
  EXPECT_THROW(to_numbers(image, 2, false, numbers), Error);
  EXPECT_EQ(to_image(std::vector<float>{NAN, 5, -5, 0}, 1, files::square(2)).rgb,
            (std::vector<std::uint8_t>{0, 0, 0, 255, 255, 255, 0, 0, 0, 128, 128, 128}));
}

TEST(Pictures, are_laid_out_in_a_grid) {
  const std::vector<float> two = {1, 1, 1, 1, -1, -1, -1, 1};
  const files::Image grid = picture_grid(two, 1, files::square(2), 2, 3);
  EXPECT_EQ(grid.width, 13);
  EXPECT_EQ(grid.height, 6);
  EXPECT_EQ(grid.pixel(5, 5)[0], 255);
  EXPECT_EQ(grid.pixel(6, 0)[0], 0) << "the line between";
  EXPECT_EQ(grid.pixel(7, 0)[0], 0);
  EXPECT_EQ(grid.pixel(10, 3)[0], 255);
  EXPECT_EQ(grid_columns(10), 4);
  EXPECT_EQ(grid_zoom(files::square(16)), 4);
  EXPECT_EQ(grid_zoom(files::square(100)), 1);
}

}  // namespace
}  // namespace llsa::diffusion::testing

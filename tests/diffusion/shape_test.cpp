#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "diffusion/capture.hpp"
#include "diffusion/flow.hpp"
#include "diffusion/learner.hpp"
#include "diffusion/metrics.hpp"
#include "diffusion/pictures.hpp"
#include "diffusion/trainer.hpp"
#include "files/apng.hpp"
#include "llsa/error.hpp"
#include "training_fixture.hpp"

/// Pictures that are not square, and videos.
namespace llsa::diffusion::testing {
namespace {

using files::PictureExtent;

const PictureExtent film{.frames = 3, .height = 4, .width = 6};

std::string refusal(const nlohmann::json& json) {
  try {
    model_config_from(json);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

nlohmann::json with(const char* field, const nlohmann::json& value) {
  nlohmann::json json = to_json(preset("tiny"));
  json[field] = value;
  return json;
}

TEST(ModelShape, of_a_square_picture_is_written_as_it_always_was) {
  const nlohmann::json json = to_json(ModelConfig{.extent = files::square(64)});
  EXPECT_EQ(json["image_size"].dump(), "64");
  EXPECT_FALSE(json.contains("frames"));
  EXPECT_EQ(model_config_from(json).extent, files::square(64));
}

TEST(ModelShape, comes_back_from_json) {
  const nlohmann::json json = to_json(ModelConfig{.extent = {.frames = 8, .height = 16, .width = 24}});
  EXPECT_EQ(json["image_size"], "16x24");
  EXPECT_EQ(json["frames"], 8);
  const ModelConfig config = model_config_from(json);
  EXPECT_EQ(config.extent, (PictureExtent{8, 16, 24}));
  EXPECT_EQ(config.grid(), (Grid{8, 16, 24}));
  EXPECT_EQ(model_config_from(with("frames", 1)).extent, files::square(32));
}

TEST(ModelShape, that_is_not_possible_is_refused_with_what_is) {
  EXPECT_EQ(refusal(with("image_size", "16x")),
            "model image size is '16x'; it must be pixels along a side, or height x width: 64 or 64x96");
  for (const char* text : {"", "x16", "16x24x3", "-4x4", "4x-4", "16 x 24", "16x24 ", "99999999999999999999"})
    EXPECT_NE(refusal(with("image_size", text)), "") << text;
  EXPECT_EQ(refusal(with("image_size", "16x8193")),
            "model image size is 16x8193; it must be 1 to 8192, or height x width of 1 to 8192 each");
  for (const int side : {0, -8, 8193})
    EXPECT_EQ(refusal(with("image_size", side)).find("model image size is " + std::to_string(side) + ";"), 0u);
  for (const int frames : {0, -1, 1025})
    EXPECT_EQ(refusal(with("frames", frames)).find("model frames is " + std::to_string(frames) + ";"), 0u);
  nlohmann::json patches = with("image_size", "16x24");
  for (const int patch : {2, 8}) {
    patches["patch_size"] = patch;
    EXPECT_EQ(refusal(patches), "");
  }
  for (const int patch : {3, 16}) {
    patches["patch_size"] = patch;
    EXPECT_EQ(refusal(patches),
              "model patch size is " + std::to_string(patch) + "; it must be a divisor of the image size 16x24");
  }
  nlohmann::json narrow = with("frames", 2);
  narrow["hidden"] = 12;
  EXPECT_EQ(refusal(narrow), "model head dimension is 4; it must be at least 8 for videos");
  nlohmann::json vast = with("image_size", 8192);
  vast["patch_size"] = 8192, vast["frames"] = 11;
  EXPECT_EQ(refusal(vast).find("model picture's numbers is 2214592512; it must be at most 2147483647"), 0u);
}

TEST(ModelShape, noise_follows_the_pixels_of_a_frame) {
  EXPECT_EQ(resolution_ratio({.frames = 1, .height = 64, .width = 256}), 2);
  EXPECT_EQ(resolution_ratio({.frames = 9, .height = 256, .width = 64}), 2);
  EXPECT_EQ(resolution_ratio({.frames = 64, .height = 16, .width = 24}), 1);
}

TEST(ModelShape, changes_no_parameter) {
  const TrainConfig picture = small_training();
  TrainConfig video = picture;
  video.model.extent = film;
  video.seed = 9;
  Model from{.config = picture.model, .flow = {}, .step = 0, .training = "", .weights = initial_state(picture).weights};
  TrainState state = initial_state(video);
  ASSERT_NE(state.weights, from.weights);
  EXPECT_EQ(take_over(from, video.model, state).left_out, (std::vector<std::string>{}));
  EXPECT_EQ(state.weights, from.weights);
}

TEST(VideoNumbers, are_frames_one_after_the_other_each_a_picture) {
  std::vector<files::Image> frames;
  for (int f = 0; f < 3; ++f) {
    files::Image image(6, 4);
    for (std::size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = std::uint8_t(7 * i + std::size_t(f) * 50);
    frames.push_back(image);
  }
  std::vector<float> numbers(std::size_t(3 * film.pixels()), NAN), second(72);
  to_numbers(frames, 3, false, numbers);
  to_numbers(frames[1], 3, false, second);
  EXPECT_TRUE(std::equal(second.begin(), second.end(), numbers.begin() + 72));
  EXPECT_EQ(numbers[std::size_t(72 + 24 + 2 * 6 + 5)], float(frames[1].pixel(5, 2)[1]) / 127.5f - 1) << "green";
  EXPECT_EQ(to_frames(numbers, 3, film), frames);
  EXPECT_EQ(to_image(numbers, 3, film, 2), frames[2]);
}

TEST(VideoGrid, shows_the_same_frame_of_every_one) {
  // Two grey videos of three frames, each as bright as its number and frame say.
  std::vector<float> numbers;
  for (int video = 0; video < 2; ++video)
    for (int frame = 0; frame < 3; ++frame) numbers.insert(numbers.end(), 24, float(video * 3 + frame) / 127.5f - 1);
  const std::vector<files::Image> grids = grid_frames(numbers, 1, film, 2, 2);
  ASSERT_EQ(grids.size(), 3u);
  for (int frame = 0; frame < 3; ++frame) {
    const files::Image& grid = grids[std::size_t(frame)];
    EXPECT_EQ(grid.width, 2 * 12 + 1);
    EXPECT_EQ(grid.height, 8);
    EXPECT_EQ(grid.pixel(11, 7)[0], frame);
    EXPECT_EQ(grid.pixel(13, 0)[0], 3 + frame);
  }
  EXPECT_EQ(grid_zoom({.frames = 1, .height = 100, .width = 16}), 4) << "the shorter side is made 64 wide";
}

TEST(Spectrum, of_a_wave_lies_at_its_periods_in_the_shorter_side) {
  ThreadPool threads(2);
  const PictureExtent wide{.frames = 1, .height = 8, .width = 24};
  const auto wave = [&](double down, double across) {
    std::vector<float> picture;
    for (std::int64_t y = 0; y < 8; ++y)
      for (std::int64_t x = 0; x < 24; ++x)
        picture.push_back(float(std::cos(2 * M_PI * (down * double(y) / 8 + across * double(x) / 24))));
    const std::vector<double> power = radial_spectrum(picture, 1, wide, threads);
    return std::max_element(power.begin(), power.end()) - power.begin();
  };
  EXPECT_EQ(wave(2, 0), 2);
  EXPECT_EQ(wave(0, 6), 2) << "six periods in 24 pixels are two in eight";
  EXPECT_EQ(wave(0, 9), 3);
}

TEST(Spectrum, and_moments_of_a_transposed_picture_are_the_same_and_those_of_a_video_are_of_its_frames) {
  ThreadPool threads(2);
  const PictureExtent wide{.frames = 1, .height = 4, .width = 6}, tall{.frames = 1, .height = 6, .width = 4};
  const Numbers drawn = normal_numbers(3 * 24, 1);
  const std::vector<float> pictures(drawn.begin(), drawn.end());
  std::vector<float> turned(pictures.size());
  for (std::size_t p = 0; p < 3; ++p)
    for (std::size_t y = 0; y < 4; ++y)
      for (std::size_t x = 0; x < 6; ++x) turned[p * 24 + x * 4 + y] = pictures[p * 24 + y * 6 + x];
  const auto a = radial_spectrum(pictures, 1, wide, threads), b = radial_spectrum(turned, 1, tall, threads);
  ASSERT_EQ(a.size(), 3u);
  for (std::size_t r = 0; r < a.size(); ++r) EXPECT_NEAR(a[r], b[r], 1e-9);
  EXPECT_EQ(radial_spectrum(pictures, 1, film, threads), a);
  EXPECT_EQ(channel_moments(pictures, 1, film)[0].mean, channel_moments(pictures, 1, wide)[0].mean);
  EXPECT_NEAR(channel_moments(turned, 1, tall)[0].skewness, channel_moments(pictures, 1, wide)[0].skewness, 1e-9);
}

TEST(Capture, of_a_video_says_how_its_tokens_lie) {
  TrainConfig config = small_training();
  config.model.extent = film;
  Runner runner(config.model, {.batch = 2}, "reference", 1);
  const AlignedVector<float> weights = initial_state(config).weights;
  const Capture taken = capture(runner.model, weights, config.flow, {.count = 2, .steps = 2}, {.layer = 1, .step = 1});
  EXPECT_EQ(taken.file.metadata.at("grid"), "3x4x6");
  EXPECT_EQ(taken.file.tensors[0].shape(), (std::vector<std::int64_t>{2, 2, 72, 8}));
  EXPECT_EQ(taken.pictures.size(), std::size_t(2 * 3 * film.pixels()));
}

TEST(Training, of_videos_resumes_to_the_byte) {
  const TemporaryFolder folder;
  TrainConfig config = small_training();
  config.model.extent = film;
  config.model.classes = 6;
  config.data.place = "landscape:3";
  config.mirror = true;
  config.steps = 4;
  config.batch = 2;
  config.validation_pictures = 2;
  const TrainingData data(config.data, config.validation_pictures);
  const auto run = [&](const char* name, std::int64_t pause) {
    const RunOptions options{.out = folder / name, .threads = 1, .sample_count = 2, .quiet = true};
    std::int64_t asked = 0;
    TrainState state = train(
        config, options, data, std::nullopt, [&] { return asked++ >= pause; }, [](const std::string&) {});
    if (state.step < config.steps) {
      Checkpoint saved = load_checkpoint(folder / name / "checkpoints/step-00000002.safetensors");
      EXPECT_EQ(to_json(saved.config), to_json(config));
      train(
          saved.config, options, data, std::move(saved.state), [] { return false; }, [](const std::string&) {});
    }
    return read_text(folder / name / "checkpoints/step-00000004.safetensors");
  };
  const std::string whole = run("whole", 100);
  EXPECT_GT(whole.size(), 1000u);
  EXPECT_TRUE(whole == run("parts", 2));
  EXPECT_NE(read_text(folder / "whole/samples/step-00000004.png").find("acTL"), std::string::npos) << "animated";
}

}  // namespace
}  // namespace llsa::diffusion::testing

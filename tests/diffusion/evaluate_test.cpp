#include "diffusion/evaluate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "diffusion/learner.hpp"
#include "diffusion/metrics.hpp"
#include "diffusion/nearest.hpp"
#include "diffusion/pictures.hpp"
#include "llsa/error.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

/// A model whose weights make labels and attention matter, and two halves of "real" pictures that differ.
struct Judged {
  static constexpr std::int64_t half = 3;
  Model model;
  Batch real;
  EvaluateOptions options{
      .count = half, .steps = 2, .directions = 5, .guidance = 1.5, .seed = 4, .batch = 2, .threads = 1};
  std::size_t numbers;

  Judged() {
    model.config = small_training().model;
    const ParameterLayout layout(model.config);
    const Numbers weights = normal_numbers(layout.size(), 3, 0.2);
    model.weights.assign(weights.begin(), weights.end());
    real.pictures = random_pictures(small_training(), 2 * half);
    numbers = real.pictures.size() / 2;
    for (std::size_t i = numbers; i < real.pictures.size(); ++i) real.pictures[i] = 0.5f * real.pictures[i] + 0.2f;
    real.labels = {7, 3, 9, 0, 1, 2};
  }
  std::span<const float> first() const { return std::span(real.pictures).first(numbers); }
  std::span<const float> second() const { return std::span(real.pictures).subspan(numbers); }
  nlohmann::ordered_json report() const { return evaluate(model, model.config, real, options); }

  /// The loss on the first half and the pictures of its labels under one kind of attention, by hand.
  std::pair<double, AlignedVector<float>> by_hand(const std::string& attention) const {
    ModelConfig config = model.config;
    config.attention.method = attention;
    Runner runner(config, {.batch = half}, "reference", 1);
    const SampleOptions sampling{.count = half, .steps = 2, .guidance = 1.5, .seed = 4, .labels = {7, 3, 9}};
    return {validation_loss(runner.model, model.weights, model.flow, 4, first(), std::span(real.labels).first(half),
                            runner.threads),
            sample(runner.model, model.weights, model.flow, sampling)};
  }
  double distance(std::span<const float> a, std::span<const float> b) const {
    ThreadPool threads(1);
    return sliced_wasserstein(a, b, model.config.image_elements(), 5, 4, threads);
  }
};

/// A set of given pictures, 8-bit.
class Given final : public datasets::Dataset {
 public:
  explicit Given(std::vector<files::Image> images) : images_(std::move(images)) {}
  std::int64_t size() const override { return std::ssize(images_); }
  std::string source(std::int64_t index) const override { return std::to_string(index); }

 private:
  datasets::Sample load(std::int64_t index, const files::PictureExtent&) const override {
    return {{images_[std::size_t(index)]}, -1};
  }
  std::vector<files::Image> images_;
};

TEST(Nearest, finds_a_copy_a_mirrored_copy_and_otherwise_the_nearest_for_any_number_of_threads) {
  ModelConfig config = small_training().model;
  const auto size = std::size_t(config.extent.height), elements = std::size_t(config.image_elements());
  std::vector<files::Image> images;
  for (int i = 0; i < 40; ++i) {
    files::Image image{int(size), int(size)};
    for (std::size_t p = 0; p < image.rgb.size(); ++p)
      image.rgb[p] = std::uint8_t((p * 37 + std::size_t(i) * 91) % 251);
    images.push_back(image);
  }
  std::vector<float> pictures(3 * elements);
  const std::span<float> all(pictures);
  to_numbers(images[17], config.channels, false, all.first(elements));
  to_numbers(images[33], config.channels, true, all.subspan(elements, elements));
  to_numbers(images[5], config.channels, false, all.subspan(2 * elements, elements));
  for (std::size_t i = 2 * elements; i < 3 * elements; ++i) pictures[i] += 0.01f;
  const Given set(images);
  for (const int count : {1, 3}) {
    ThreadPool threads(count);
    const std::vector<double> distances = nearest_distances(pictures, set, config, threads);
    ASSERT_EQ(distances.size(), 3u);
    EXPECT_EQ(distances[0], 0);
    EXPECT_EQ(distances[1], 0);
    EXPECT_NEAR(distances[2], 0.01, 1e-5);
  }
}

TEST(Evaluation, says_how_near_training_pictures_are_to_generated_and_real_ones) {
  Judged j;
  std::vector<files::Image> images;
  const auto elements = std::size_t(j.model.config.image_elements());
  for (std::size_t i = 0; i < 2; ++i)
    images.push_back(to_image(j.first().subspan(i * elements, elements), 3, j.model.config.extent));
  const Given set(images);
  EXPECT_FALSE(j.report().contains("nearest_training_picture"));
  j.options.training = &set;
  const auto report = j.report();
  const auto [loss, pictures] = j.by_hand("llsa");
  ThreadPool threads(1);
  std::vector<double> own = nearest_distances(pictures, set, j.model.config, threads);
  std::ranges::sort(own);
  EXPECT_NEAR(report["nearest_training_picture"]["generated"]["smallest"].get<double>(), own[0], 1e-4);
  EXPECT_NEAR(report["nearest_training_picture"]["generated"]["median"].get<double>(), own[1], 1e-4);
  // The first two real ones are in the set, but for what 8 bits from -1 to 1 do not hold of them.
  EXPECT_LT(report["nearest_training_picture"]["real"]["median"].get<double>(), 0.1);
  EXPECT_GT(report["nearest_training_picture"]["generated"]["smallest"].get<double>(), 0.2);
  EXPECT_NE(evaluation_table(report).find("nearest training picture"), std::string::npos);
}

TEST(Evaluation, compares_generated_and_real_pictures_with_the_first_half_of_the_real_ones) {
  const Judged j;
  const auto report = j.report();
  const auto [loss, pictures] = j.by_hand("llsa");
  EXPECT_EQ(report["pictures"], 3);
  EXPECT_NEAR(report["validation_loss"].get<double>(), loss, 1e-5 * loss);
  EXPECT_NEAR(report["generated_against_real"]["sliced_wasserstein"].get<double>(), j.distance(pictures, j.first()),
              1e-4);
  EXPECT_DOUBLE_EQ(report["real_against_real"]["sliced_wasserstein"].get<double>(), j.distance(j.second(), j.first()));
  EXPECT_GT(report["real_against_real"]["spectrum_db"].get<double>(), 1);
  EXPECT_GT(report["real_against_real"]["mean"].get<double>(), 0.1);
}

TEST(Evaluation, compares_with_dense_attention_on_the_same_noise) {
  const Judged j;
  const auto report = j.report();
  const auto own = j.by_hand("llsa"), dense = j.by_hand("full");
  ASSERT_GT(std::abs(own.first - dense.first), 1e-4) << "attention must matter for this test to say anything";
  EXPECT_NEAR(report["full_attention"]["validation_loss"].get<double>(), dense.first, 1e-5 * dense.first);
  EXPECT_NEAR(report["full_attention"]["generated_against_real"]["sliced_wasserstein"].get<double>(),
              j.distance(dense.second, j.first()), 1e-4);
  const double apart = difference(own.second, dense.second).root_mean_square;
  EXPECT_NEAR(report["same_noise_difference"]["root_mean_square"].get<double>(), apart, 1e-3 * apart);
}

TEST(Evaluation, leaves_dense_attention_out_when_not_asked_or_when_it_is_the_models_own) {
  Judged j;
  j.options.against_dense = false;
  EXPECT_FALSE(j.report().contains("full_attention"));
  j.options.against_dense = true;
  j.model.config.attention.method = "full";
  EXPECT_FALSE(j.report().contains("full_attention"));
}

TEST(Evaluation, refuses_too_few_pictures_and_ends_when_asked_to) {
  Judged j;
  Judged few;
  few.real.labels.resize(3);
  few.real.pictures.resize(few.numbers);
  EXPECT_THROW(few.report(), Error);
  std::stop_source stop;
  stop.request_stop();
  j.options.stop = stop.get_token();
  EXPECT_THROW(j.report(), Cancelled);
}

}  // namespace
}  // namespace llsa::diffusion::testing

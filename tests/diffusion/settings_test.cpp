// What a model and a training run may be set to: both ends of every range, and that JSON brings every setting back.
#include "diffusion/settings.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "llsa/error.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

using Change = std::function<void(TrainConfig&)>;

/// What `validate` says of the small training with a change; "" where it is content.
std::string refusal(const Change& change) {
  TrainConfig config = small_training();
  change(config);
  try {
    validate(config);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

template <class Value>
void expect_range(const std::string& words, Value TrainConfig::*field, const std::vector<Value>& good,
                  const std::vector<Value>& bad) {
  for (const Value value : good)
    EXPECT_EQ(refusal([&](TrainConfig& c) { c.*field = value; }), "") << words << " " << value;
  for (const Value value : bad)
    EXPECT_EQ(refusal([&](TrainConfig& c) { c.*field = value; }).find(words + " is "), 0u) << words << " " << value;
}

TEST(TrainingSettings, every_number_has_its_range) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const double below_one = std::nextafter(1.0, 0.0);
  using Count = std::vector<std::int64_t>;
  expect_range("steps", &TrainConfig::steps, Count{1, 1'000'000'000}, Count{0, -1, 1'000'000'001});
  expect_range("batch", &TrainConfig::batch, Count{1, 1 << 20}, Count{0, -1, (1 << 20) + 1});
  expect_range("micro batch", &TrainConfig::micro_batch, Count{0, 1, 2, 4}, Count{-1, 3, 5});
  expect_range("warmup", &TrainConfig::warmup, Count{0, 1'000'000'000}, Count{-1, 1'000'000'001});
  expect_range("validation pictures", &TrainConfig::validation_pictures, Count{1, 1'000'000}, Count{0, 1'000'001});
  expect_range("learning rate", &TrainConfig::learning_rate, {1e-300}, {0.0, -1.0, nan, infinity});
  expect_range("weight decay", &TrainConfig::weight_decay, {0.0, 5.0}, {-1e-300, nan, infinity});
  for (const auto& [words, field] : {std::pair{"beta1", &TrainConfig::beta1},
                                     {"beta2", &TrainConfig::beta2},
                                     {"average decay", &TrainConfig::average_decay}})
    expect_range(words, field, {0.0, below_one}, {-1e-300, 1.0, nan});
  expect_range("clip", &TrainConfig::clip, {0.0, 1e9}, {-1e-300, nan, infinity});
  expect_range("label dropout", &TrainConfig::label_dropout, {0.0, 1.0}, {-1e-300, std::nextafter(1.0, 2.0), nan});
  EXPECT_EQ(refusal([](TrainConfig& c) { c.schedule = "cosine"; }), "");
  EXPECT_EQ(refusal([](TrainConfig& c) { c.schedule = "linear"; }),
            "schedule is 'linear'; it must be constant, cosine");
  EXPECT_EQ(refusal([](TrainConfig& c) { c.data.place = ""; }).find("data names no pictures"), 0u);
}

TEST(ModelSettings, every_number_has_its_range) {
  struct Row {
    const char* words;
    std::int64_t ModelConfig::*field;
    std::vector<std::int64_t> good, bad;
  };
  for (const Row& row :
       {Row{"channels", &ModelConfig::channels, {1, 64}, {0, 65}},
        Row{"patch size", &ModelConfig::patch_size, {1, 2, 8}, {0, -1, 3, 16}},
        Row{"layers", &ModelConfig::layers, {1, 1024}, {0, 1025}}, Row{"heads", &ModelConfig::heads, {1, 4}, {0, -2}},
        Row{"hidden size", &ModelConfig::hidden, {8, 16, 65536}, {0, 4, 12, 20, 65544}},
        Row{"MLP ratio", &ModelConfig::mlp_ratio, {1, 64}, {0, 65}},
        Row{"classes", &ModelConfig::classes, {0, 1'000'000}, {-1, 1'000'001}},
        Row{"frequency dimension", &ModelConfig::frequency_dim, {4, 65536}, {2, 5, 65538}}}) {
    const auto with = [&](std::int64_t value) { return refusal([&](TrainConfig& c) { c.model.*row.field = value; }); };
    for (const std::int64_t value : row.good) EXPECT_EQ(with(value), "") << row.words << " " << value;
    for (const std::int64_t value : row.bad)
      EXPECT_EQ(with(value).find("model " + std::string(row.words) + " is " + std::to_string(value) + ";"), 0u)
          << row.words << " " << value << ": " << with(value);
  }
  EXPECT_EQ(refusal([](TrainConfig& c) {
              c.model.class_names = {"cat", "dog"};
            }),
            "model has 2 class names; it must have one for each of its 10 classes, or none");
  EXPECT_EQ(refusal([](TrainConfig& c) { c.model.class_names.assign(10, "cat"); }), "");
  for (const double base : {1.0, 0.0, std::numeric_limits<double>::infinity(), std::nan("")})
    EXPECT_EQ(refusal([&](TrainConfig& c) { c.model.rope_base = base; }).find("model rotary base is"), 0u) << base;
}

TEST(TrainingSettings, json_brings_every_one_back) {
  TrainConfig config = small_training();
  config.model.channels = 2;
  config.model.patch_size = 2;
  config.model.class_names.assign(10, "cat");
  config.model.rope_base = 77;
  config.model.attention.method = "vsa";
  config.model.attention.order = "hilbert";
  config.model.attention.options = {.block_size = 2,
                                    .levels = 1,
                                    .top_k = {3},
                                    .enrichment_levels = 1,
                                    .reweight = false,
                                    .coverage = Coverage::disjoint,
                                    .scale = 0.25};
  config.flow = {.noise_scale = 2, .time = TimeSampling::shift, .time_shift = 3};
  config.data = {.place = "shapes:4", .validation = "shapes:5"};
  config.micro_batch = 2;
  config.learning_rate = 0.3;
  config.warmup = 3;
  config.schedule = "cosine";
  config.weight_decay = 0.1;
  config.beta1 = 0.5;
  config.beta2 = 0.6;
  config.clip = 7;
  config.average_decay = 0.8;
  config.label_dropout = 0.2;
  config.mirror = true;
  config.recompute = true;
  config.seed = 1234567890123456789u;
  config.validation_pictures = 9;
  const nlohmann::json json = to_json(config);
  EXPECT_EQ(to_json(train_config_from(json)), json);
  EXPECT_EQ(json["model"]["attention"]["scale"], 0.25);
  EXPECT_EQ(json["seed"], 1234567890123456789u);
  for (const auto& [name, value] : json.items()) {
    nlohmann::json without = json;
    without.erase(name);
    EXPECT_THROW(train_config_from(without), Error) << name;
  }
}

}  // namespace
}  // namespace llsa::diffusion::testing

#include "diffusion/checkpoint.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "diffusion/learner.hpp"
#include "files/safetensors.hpp"
#include "llsa/error.hpp"
#include "training_fixture.hpp"

namespace llsa::diffusion::testing {
namespace {

/// A state in which every block holds other numbers.
TrainState some_state(const TrainConfig& config) {
  TrainState state = initial_state(config);
  state.step = 12;
  state.data_position = 77;
  const ParameterLayout layout(config.model);
  float value = 0;
  for (auto* block : {&state.weights, &state.averages, &state.first_moments, &state.second_moments}) {
    value += 1000;
    for (const Parameter& p : layout.parameters()) {
      for (std::int64_t i = 0; i < p.size(); ++i) (*block)[std::size_t(p.offset + i)] = value += 0.1f;
    }
  }
  return state;
}

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string message_of(const std::filesystem::path& path) {
  try {
    load_checkpoint(path);
  } catch (const Error& problem) {
    return problem.what();
  }
  return "";
}

TEST(CheckpointFile, brings_back_every_bit_and_every_setting) {
  const TemporaryFolder folder;
  TrainConfig config = small_training();
  config.flow = {.noise_scale = 1.5, .time = TimeSampling::shift, .time_shift = 2};
  config.mirror = true;
  config.data = {.place = "shapes:9", .validation = "shapes:4"};
  config.model.attention.options.coverage = Coverage::disjoint;
  const TrainState state = some_state(config);
  save_checkpoint(folder / "a", config, state);
  const Checkpoint back = load_checkpoint(folder / "a");
  EXPECT_EQ(to_json(back.config), to_json(config));
  EXPECT_EQ(back.state.step, 12);
  EXPECT_EQ(back.state.data_position, 77u);
  EXPECT_EQ(back.state.weights, state.weights);
  EXPECT_EQ(back.state.averages, state.averages);
  EXPECT_EQ(back.state.first_moments, state.first_moments);
  EXPECT_EQ(back.state.second_moments, state.second_moments);
  save_checkpoint(folder / "b", back.config, back.state);
  EXPECT_EQ(read_text(folder / "a"), read_text(folder / "b"));
}

TEST(CheckpointFile, is_a_model_too) {
  const TemporaryFolder folder;
  const TrainConfig config = small_training();
  TrainState state = initial_state(config);
  state.averages[0] = 0.3f;
  save_checkpoint(folder / "a", config, state);
  const Model model = load_model(folder / "a");
  EXPECT_EQ(model.weights, state.averages);
  save_model(folder / "half", model, files::ElementType::f16);
  const Model half = load_model(folder / "half");
  EXPECT_LT(read_text(folder / "half").size(), read_text(folder / "a").size() / 4);
  for (std::size_t i = 0; i < model.weights.size(); ++i) {
    ASSERT_TRUE(std::abs(half.weights[i] - model.weights[i]) <= 1e-3f * std::abs(model.weights[i]) + 1e-7f);
  }
  EXPECT_NE(message_of(folder / "half").find("without training state"), std::string::npos);
}

TEST(CheckpointFile, of_sla_keeps_the_projections_and_other_methods_give_and_take_the_rest) {
  const TemporaryFolder folder;
  TrainConfig config = small_training();
  config.model.attention.method = "sla";
  const TrainState state = some_state(config);
  save_checkpoint(folder / "a", config, state);
  EXPECT_EQ(load_checkpoint(folder / "a").state.weights, state.weights);
  const Model sla = load_model(folder / "a");
  const ParameterLayout layout(config.model);
  const Parameter& projection = layout.at("transformer_blocks.1.attn1.proj_l.weight");
  EXPECT_NE(sla.weights[std::size_t(projection.offset)], 0);

  ModelConfig llsa = config.model;
  llsa.attention.method = "llsa";
  const Model dropped = with_settings(sla, llsa), back = with_settings(dropped, config.model);
  EXPECT_EQ(dropped.weights.size(), std::size_t(ParameterLayout(llsa).size()));
  EXPECT_EQ(back.weights.size(), sla.weights.size());
  for (const Parameter& p : layout.parameters())
    for (std::int64_t i = 0; i < p.size(); ++i) {
      const auto at = std::size_t(p.offset + i);
      ASSERT_EQ(back.weights[at], p.name.find("proj_l") == std::string::npos ? sla.weights[at] : 0) << p.name;
    }
  ModelConfig wider = llsa;
  wider.hidden = 32;
  EXPECT_THROW(with_settings(sla, wider), Error);
}

TEST(CheckpointFile, is_refused_when_any_byte_is_missing_or_changed) {
  const TemporaryFolder folder;
  const TrainConfig config = small_training();
  save_checkpoint(folder / "good", config, some_state(config));
  const std::string good = read_text(folder / "good");
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, good.size() / 2, good.size() - 1}) {
    write(folder / "bad", good.substr(0, size));
    EXPECT_NE(message_of(folder / "bad"), "") << "cut to " << size << " bytes";
  }
  // Within tensors, every bit counts.
  for (std::size_t at = good.size() - 1; at > good.size() / 2; at -= good.size() / 40) {
    std::string bad = good;
    bad[at] = char(bad[at] ^ 1);
    write(folder / "bad", bad);
    EXPECT_NE(message_of(folder / "bad").find("bad: is damaged"), std::string::npos) << "byte " << at;
  }
}

TEST(CheckpointFile, is_refused_when_its_tensors_do_not_fit_its_settings) {
  const TemporaryFolder folder;
  const TrainConfig config = small_training();
  TrainConfig wider = config;
  wider.model.hidden = 32;
  save_checkpoint(folder / "a", config, initial_state(config));
  files::TensorFile file = files::read_safetensors(folder / "a");
  file.metadata["training"] = to_json(wider).dump();
  files::write_safetensors(folder / "wider", file);
  EXPECT_NE(message_of(folder / "wider").find("has shape"), std::string::npos) << message_of(folder / "wider");
  file = files::read_safetensors(folder / "a");
  file.metadata.erase("format");
  files::write_safetensors(folder / "other", file);
  EXPECT_NE(message_of(folder / "other").find("is not a checkpoint"), std::string::npos);
}

TEST(CheckpointFile, is_refused_when_its_weights_are_whole_numbers) {
  const TemporaryFolder folder;
  const TrainConfig config = small_training();
  save_checkpoint(folder / "a", config, initial_state(config));
  // The same bytes under another type: the hash alone does not tell.
  std::string text = read_text(folder / "a");
  const std::size_t at = text.find("\"F32\"");
  text.replace(at, 5, "\"I32\"");
  write(folder / "b", text);
  EXPECT_NE(message_of(folder / "b").find("type I32; it must be F16, BF16, F32 or F64"), std::string::npos)
      << message_of(folder / "b");
}

TEST(CheckpointFile, is_refused_when_a_number_is_not_finite) {
  const TemporaryFolder folder;
  const TrainConfig config = small_training();
  TrainState state = initial_state(config);
  state.first_moments[3] = std::numeric_limits<float>::infinity();
  save_checkpoint(folder / "a", config, state);
  EXPECT_NE(message_of(folder / "a").find("holds inf"), std::string::npos) << message_of(folder / "a");
}

TEST(CheckpointFolder, keeps_the_newest_and_clears_what_a_kill_left) {
  const TemporaryFolder folder;
  const CheckpointFolder checkpoints(folder / "run");
  const TrainConfig config = small_training();
  TrainState state = initial_state(config);
  std::vector<std::string> skipped;
  EXPECT_FALSE(checkpoints.newest(skipped).has_value());
  for (std::int64_t step : {0, 5, 10, 15}) {
    state.step = step;
    checkpoints.save(config, state, 2);
    write(folder / "run/.step-00000020.safetensors.99999999.2.tmp", "half");
  }
  EXPECT_EQ(checkpoints.steps(), (std::vector<std::int64_t>{10, 15}));
  state.step = 20;
  checkpoints.save(config, state, 2);
  EXPECT_FALSE(std::filesystem::exists(folder / "run/.step-00000020.safetensors.99999999.2.tmp"));

  write(checkpoints.path_of(20), "damaged");
  const auto newest = checkpoints.newest(skipped);
  ASSERT_TRUE(newest.has_value());
  EXPECT_EQ(newest->state.step, 15);
  ASSERT_EQ(skipped.size(), 1u);
  write(checkpoints.path_of(15), "damaged too");
  EXPECT_THROW(checkpoints.newest(skipped), Error);
}

}  // namespace
}  // namespace llsa::diffusion::testing

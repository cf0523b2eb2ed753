#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "diffusion/config.hpp"
#include "diffusion/flow.hpp"

namespace llsa::diffusion {

/// Which pictures, as `datasets::open_dataset` takes them: "shapes:SEED", "landscape:SEED" or a folder.
struct DataConfig {
  std::string place = "shapes";
  std::string validation = {};  ///< another such place; empty: see `TrainingData`
};

/// Everything that, with the pictures, decides what training computes.
struct TrainConfig {
  ModelConfig model = {};
  FlowConfig flow = {};
  DataConfig data = {};
  std::int64_t steps = 5000;
  std::int64_t batch = 32;
  std::int64_t micro_batch = 0;  ///< pictures in one pass, gradients of passes add up; 0: the whole batch
  double learning_rate = 1e-3;
  std::int64_t warmup = 100;
  std::string schedule = "cosine";  ///< or "constant"
  double weight_decay = 0;
  double beta1 = 0.9, beta2 = 0.95;
  double clip = 1;               ///< largest gradient norm; 0: no clipping
  double average_decay = 0.999;  ///< of the averaged weights
  double label_dropout = 0.1;    ///< share of pictures trained without their label
  bool mirror = false;           ///< mirror half of the pictures left to right
  bool recompute = false;        ///< gradient checkpointing
  std::uint64_t seed = 1;
  std::int64_t validation_pictures = 64;

  std::int64_t pass_size() const { return micro_batch == 0 ? batch : micro_batch; }
};

/// Throws `Error` naming the first field that is out of range, its value and what is allowed.
void validate(const TrainConfig& config);

nlohmann::json to_json(const TrainConfig& config);
/// Throws `Error` when a field is missing, has the wrong type or is out of range.
TrainConfig train_config_from(const nlohmann::json& json);

}  // namespace llsa::diffusion

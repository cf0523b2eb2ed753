#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "diffusion/aligned.hpp"
#include "diffusion/parameters.hpp"
#include "diffusion/settings.hpp"
#include "files/tensor_file.hpp"

namespace llsa::diffusion {

/// What training carries from step to step; every block is laid out as `ParameterLayout` says. Random numbers are
/// addressed by seed and step, so they need no state of their own.
struct TrainState {
  std::int64_t step = 0;            ///< steps done
  std::uint64_t data_position = 0;  ///< where the next picture is looked for (unreadable ones are passed over)
  AlignedVector<float> weights, averages, first_moments, second_moments;
};

/// A model ready to run: the averaged weights.
struct Model {
  ModelConfig config;
  FlowConfig flow;
  std::int64_t step = 0;         ///< training steps behind it
  std::string training;          ///< the training settings as JSON text, for the record; may be empty
  AlignedVector<float> weights;  ///< laid out as `ParameterLayout(config)` says
};

/// Writes settings and state as .safetensors: averaged weights under the parameters' own names (so that every
/// checkpoint is a model), the others under "training.weights.", "training.first_moments." and
/// "training.second_moments.". Settings, step and a hash of all tensor bytes are in the metadata. Atomic: a kill at any
/// instant leaves the old file or the new one.
void save_checkpoint(const std::filesystem::path& path, const TrainConfig& config, const TrainState& state);

struct Checkpoint {
  TrainConfig config;
  TrainState state;
};
/// Throws `Error`, one line that begins with the path, when the file is not a checkpoint with training state, is
/// damaged (hash), does not match its own settings, or holds a number that is not finite.
Checkpoint load_checkpoint(const std::filesystem::path& path);

/// The averaged weights alone, stored as `type` (f16, bf16 or f32): what is passed on.
void save_model(const std::filesystem::path& path, const Model& model, files::ElementType type);
/// From a checkpoint or a model file. Throws as `load_checkpoint` does.
Model load_model(const std::filesystem::path& path);

/// Tells models with other weights apart (FNV-1a of their bytes, 16 hexadecimal digits).
std::string hash_of_weights(const Model& model);

/// What one model could and could not take over from another.
struct TakenOver {
  std::int64_t parameters = 0;        ///< arrays with the same name and shape, now copied
  std::vector<std::string> left_out;  ///< one line for each array that starts fresh, with the reason
};

/// Copies into `weights`, laid out as `ParameterLayout(config)` says, every array that `from` has with the same name
/// and shape; the others stay, and so do the embeddings of classes when the two models' have other names.
TakenOver take_over(const Model& from, const ModelConfig& config, std::span<float> weights);

/// The model run with other settings, for example another attention method: its weights laid out for `config`. What it
/// does not have starts as in training (SLA's projection: zero). Throws `Error` naming a parameter of another shape.
Model with_settings(const Model& model, const ModelConfig& config);

/// The checkpoints of a run, `step-00001000.safetensors` in one folder.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path path_of(std::int64_t step) const;
  /// Steps for which a file exists, ascending.
  std::vector<std::int64_t> steps() const;
  /// Saves, then removes all but the newest `keep` and what a kill left of unfinished files. Creates the folder.
  void save(const TrainConfig& config, const TrainState& state, int keep) const;
  /// The newest one that loads; empty when there is none at all. A damaged one is skipped and its message added to
  /// `skipped`. Throws the last problem when there are some and none loads.
  std::optional<Checkpoint> newest(std::vector<std::string>& skipped) const;

 private:
  std::filesystem::path folder_;
};

}  // namespace llsa::diffusion

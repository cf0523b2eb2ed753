#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/loader.hpp"
#include "diffusion/aligned.hpp"
#include "diffusion/settings.hpp"

namespace llsa::diffusion {

/// Pictures or videos as a model takes them; what is said of pictures here holds for videos.
struct Batch {
  AlignedVector<float> pictures;     ///< `[count, frames, channels, height, width]`
  std::vector<std::int32_t> labels;  ///< `[count]`; the number of classes where there is none

  std::int64_t count() const { return static_cast<std::int64_t>(labels.size()); }
};

/// Takes one line about a picture that was passed over.
using Report = std::function<void(const std::string& message)>;

/// Whether of a folder that both kinds come from the number held out is as it was said, or at most a tenth (and at
/// least one picture).
enum class HoldOut { as_said, a_tenth_at_most };

/// The training and validation pictures of a run. Where `validation` names no place: generated pictures of the next
/// seed, the test split of CIFAR or MNIST, or, for a folder of pictures, `held_out` of them, which training never
/// sees. Labels are by name: a class of the validation pictures has the number that the training pictures give it.
class TrainingData {
 public:
  /// `classes`: names that number both kinds of pictures, those of a checkpoint; without, the training pictures' own;
  /// none at all, where labels are not used and any class may occur. Throws `Error` when a place cannot be opened, has
  /// a class of another name, or has no more pictures than are to be held out.
  TrainingData(const DataConfig& config, std::int64_t held_out,
               const std::optional<std::vector<std::string>>& classes = std::nullopt, HoldOut how = HoldOut::as_said);

  /// Names of the classes; empty without labels.
  const std::vector<std::string>& classes() const { return set_->classes(); }
  std::int64_t training_size() const { return training_size_; }
  /// How many pictures there are to validate on.
  std::int64_t validation_size() const { return other_ ? other_->size() : held_out_; }

  /// `count` validation pictures, or as many as there are. Throws `Error` when none can be read, or when the model is
  /// one of videos and there are pictures alone.
  Batch validation(const ModelConfig& model, std::int64_t count, const Report& report) const;

 private:
  friend class BatchLoader;

  std::unique_ptr<datasets::Dataset> set_, other_;
  std::int64_t training_size_ = 0;
  std::optional<datasets::ShuffledOrder> split_;  ///< positions before `held_out` are for validation
  std::int64_t held_out_ = 0;
};

/// Training pictures in shuffled order, decoded in the background. What comes after a position depends on the seed and
/// the position alone.
class BatchLoader {
 public:
  /// Throws `Error` when the model is one of videos and there are pictures alone.
  BatchLoader(const TrainingData& data, const TrainConfig& config, std::uint64_t first_position, Report report);
  Batch next();
  /// Where the picture after the last one handed out is looked for.
  std::uint64_t position() const { return position_; }

 private:
  TrainConfig config_;
  std::uint64_t position_;
  datasets::Loader loader_;
};

/// What `TrainingData` numbers a model's labels by.
std::optional<std::vector<std::string>> labels_of(const ModelConfig& model);

/// The folder that a place for `open_dataset` is; empty for generated pictures.
std::filesystem::path folder_of_pictures(const std::string& place);

/// The first `count` readable pictures of a set in a fixed shuffled order, starting at position `first`; fewer when the
/// set ends. Throws `Error` when none can be read, or when the model is one of videos and there are pictures alone.
Batch load_pictures(const datasets::Dataset& set, const ModelConfig& model, std::int64_t first, std::int64_t count,
                    const Report& report);

}  // namespace llsa::diffusion

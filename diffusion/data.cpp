#include "diffusion/data.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "diffusion/pictures.hpp"
#include "diffusion/random.hpp"
#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace {

/// Which pictures are held out, and which a count takes, is the same for every run.
constexpr std::uint64_t split_seed = 0x5eed;

void append(Batch& batch, const datasets::Sample& sample, const ModelConfig& model, bool mirror) {
  if (sample.label >= model.classes && model.classes > 0) {
    throw Error(fmt::format("a picture has label {}; the model has classes 0 to {}", sample.label, model.classes - 1));
  }
  const std::size_t at = batch.pictures.size();
  batch.pictures.resize(at + std::size_t(model.image_elements()));
  to_numbers(sample.frames, model.channels, mirror, std::span(batch.pictures).subspan(at));
  batch.labels.push_back(std::int32_t(sample.label < 0 ? model.classes : sample.label));
}

Batch read_positions(const datasets::Dataset& set, const datasets::ShuffledOrder& order, const ModelConfig& model,
                     std::int64_t first, std::int64_t end, std::int64_t count, const Report& report) {
  set.expect_possible(model.extent);
  Batch batch;
  for (std::int64_t position = first; position < end && batch.count() < count; ++position) {
    datasets::Sample sample;
    try {
      sample = set.item(order(std::uint64_t(position)), model.extent);
    } catch (const Error& problem) {
      if (report) report(problem.what());
      continue;
    }
    append(batch, sample, model, false);
  }
  if (batch.count() == 0) throw Error("none of the pictures can be read");
  return batch;
}

datasets::Loader::Order training_order(std::int64_t size, std::int64_t held_out,
                                       std::optional<datasets::ShuffledOrder> split, std::uint64_t seed) {
  return [order = datasets::ShuffledOrder(size, seed), split, held_out](std::uint64_t position) {
    const std::int64_t index = order(position);
    return split ? (*split)(std::uint64_t(held_out + index)) : index;
  };
}

}  // namespace

TrainingData::TrainingData(const DataConfig& config, std::int64_t held_out,
                           const std::optional<std::vector<std::string>>& classes, HoldOut how)
    : set_(datasets::open_dataset(config.place, datasets::Split::train, classes.value_or(std::vector<std::string>()))),
      training_size_(set_->size()) {
  const std::string next = datasets::next_seed(config.place);
  const std::string& place = !config.validation.empty() ? config.validation : !next.empty() ? next : config.place;
  other_ = datasets::open_dataset(place, datasets::Split::test, classes.value_or(set_->classes()));
  if (place != config.place || other_->source(0) != set_->source(0)) return;
  // A folder of pictures knows no test split: the two sets are one.
  other_ = nullptr;
  if (how == HoldOut::a_tenth_at_most) held_out = std::min(held_out, std::max<std::int64_t>(1, set_->size() / 10));
  if (set_->size() <= held_out) {
    throw Error(fmt::format("{}: has {} pictures; with {} held out for validation none is left to train on",
                            config.place, set_->size(), held_out));
  }
  held_out_ = held_out;
  training_size_ -= held_out;
  split_.emplace(set_->size(), split_seed);
}

Batch TrainingData::validation(const ModelConfig& model, std::int64_t count, const Report& report) const {
  if (other_) return load_pictures(*other_, model, 0, count, report);
  return read_positions(*set_, *split_, model, 0, held_out_, count, report);
}

std::optional<std::vector<std::string>> labels_of(const ModelConfig& model) {
  if (model.classes == 0) return std::vector<std::string>();
  return model.class_names.empty() ? std::nullopt : std::optional(model.class_names);
}

std::filesystem::path folder_of_pictures(const std::string& place) {
  return datasets::next_seed(place).empty() ? std::filesystem::path(place) : std::filesystem::path();
}

Batch load_pictures(const datasets::Dataset& set, const ModelConfig& model, std::int64_t first, std::int64_t count,
                    const Report& report) {
  return read_positions(set, datasets::ShuffledOrder(set.size(), split_seed), model, first, set.size(), count, report);
}

BatchLoader::BatchLoader(const TrainingData& data, const TrainConfig& config, std::uint64_t first_position,
                         Report report)
    : config_(config),
      position_(first_position),
      loader_(*data.set_,
              {.extent = config.model.extent, .threads = 1, .prefetch = int(2 * config.batch), .first = first_position},
              training_order(data.training_size_, data.held_out_, data.split_, config.seed), std::move(report)) {}

Batch BatchLoader::next() {
  Batch batch;
  while (batch.count() < config_.batch) {
    const datasets::LoadedItem item = loader_.next();
    const bool mirror = config_.mirror && RandomSequence(config_.seed, Purpose::mirror, item.position).word(0) % 2 == 1;
    append(batch, item.sample, config_.model, mirror);
    position_ = item.position + 1;
  }
  return batch;
}

}  // namespace llsa::diffusion

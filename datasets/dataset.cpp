#include "datasets/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "datasets/procedural.hpp"
#include "llsa/error.hpp"
#include "llsa/quote.hpp"

namespace llsa::datasets {
namespace {

/// A family of generated pictures: by its name in "NAME" and "NAME:SEED".
struct Generator {
  std::string_view name;
  std::span<const std::string_view> (*classes)();
  int (*label)(std::uint64_t index);
  files::Image (*picture)(const files::PictureExtent& extent, std::uint64_t seed, std::uint64_t index);
  /// Null where there are pictures alone.
  std::vector<files::Image> (*video)(const files::PictureExtent& extent, std::uint64_t seed, std::uint64_t index);
};

constexpr Generator shapes{"shapes", shape_classes, shape_label, shape_picture, nullptr};
constexpr Generator landscapes{"landscape", landscape_classes, landscape_label, landscape_picture, landscape_video};

class Generated final : public Dataset {
 public:
  Generated(const Generator& generator, std::int64_t size, std::uint64_t seed)
      : generator_(generator), size_(size), seed_(seed) {
    if (size < 1)
      throw Error(
          fmt::format("a data set of {} generated pictures ({}); it must have at least 1", size, generator.name));
    const auto names = generator.classes();
    set_classes({names.begin(), names.end()});
  }
  std::int64_t size() const override { return size_; }
  std::string source(std::int64_t index) const override {
    return fmt::format("{}:{} item {}", generator_.name, seed_, index);
  }

 private:
  Sample load(std::int64_t index, const files::PictureExtent& extent) const override {
    const auto i = static_cast<std::uint64_t>(index);
    if (!extent.is_picture()) return {generator_.video(extent, seed_, i), generator_.label(i)};
    return {{generator_.picture(extent, seed_, i)}, generator_.label(i)};
  }
  bool has_videos() const override { return generator_.video != nullptr; }

  const Generator& generator_;
  std::int64_t size_;
  std::uint64_t seed_;
};

}  // namespace

/// Another data set under other numbers.
class Renumbered final : public Dataset {
 public:
  Renumbered(std::unique_ptr<Dataset> set, const std::vector<std::string>& classes, std::vector<int> labels)
      : set_(std::move(set)), labels_(std::move(labels)) {
    set_classes(classes);
  }
  std::int64_t size() const override { return set_->size(); }
  std::string source(std::int64_t index) const override { return set_->source(index); }

 private:
  bool has_videos() const override { return set_->has_videos(); }
  Sample load(std::int64_t index, const files::PictureExtent& extent) const override {
    Sample sample = set_->item(index, extent);
    if (sample.label >= 0) sample.label = labels_.at(static_cast<std::size_t>(sample.label));
    return sample;
  }

  std::unique_ptr<Dataset> set_;
  std::vector<int> labels_;  ///< of each of the set's own
};

namespace {

/// "'cat', 'dog', ...", the first few.
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) text += (i ? ", " : "") + quote(names[i]);
  return names.size() > most ? text + ", ..." : text;
}

/// What "NAME" or "NAME:SEED" asks for.
struct GeneratedPlace {
  const Generator* generator = nullptr;  ///< null for another place
  std::uint64_t seed = 0;
  bool is_seeded = false;  ///< false where the text after the colon is no seed
};

GeneratedPlace parse_generated(std::string_view place) {
  for (const Generator* generator : {&shapes, &landscapes}) {
    if (place == generator->name) return {generator, 0, true};
    if (!place.starts_with(generator->name) || place[generator->name.size()] != ':') continue;
    const std::string_view text = place.substr(generator->name.size() + 1);
    GeneratedPlace found{generator};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), found.seed);
    found.is_seeded = error == std::errc() && end == text.data() + text.size();
    return found;
  }
  return {};
}

}  // namespace

void Dataset::expect_possible(const files::PictureExtent& extent) const {
  if (extent.frames < 1 || extent.height < 1 || extent.width < 1)
    throw Error(fmt::format("a data set of {}; every extent must be at least 1", files::describe(extent)));
  if (!extent.is_picture() && !has_videos())
    throw Error(fmt::format(
        "{} frames, but the data set has pictures alone ({}); videos are landscape:SEED and folders of animated PNGs",
        extent.frames, source(0)));
}

Sample Dataset::item(std::int64_t index, const files::PictureExtent& extent) const {
  if (index < 0 || index >= size())
    throw Error(fmt::format("item {} of a data set; it must be 0 to {}", index, size() - 1));
  expect_possible(extent);
  Sample sample = load(index, extent);
  for (files::Image& image : sample.frames)
    if (image.width != extent.width || image.height != extent.height)
      image = files::resize_and_crop(image, static_cast<int>(extent.width), static_cast<int>(extent.height));
  return sample;
}

std::unique_ptr<Dataset> open_shapes(std::int64_t size, std::uint64_t seed) {
  return std::make_unique<Generated>(shapes, size, seed);
}

std::unique_ptr<Dataset> open_landscapes(std::int64_t size, std::uint64_t seed) {
  return std::make_unique<Generated>(landscapes, size, seed);
}

std::string next_seed(const std::string& place) {
  const GeneratedPlace generated = parse_generated(place);
  if (generated.generator == nullptr || !generated.is_seeded) return {};
  // Without a seed named, pictures are those of seed 0; seed 2 has long been what they are validated with.
  const std::uint64_t next = place == generated.generator->name ? 2 : generated.seed + 1;
  return fmt::format("{}:{}", generated.generator->name, next);
}

namespace {

std::unique_ptr<Dataset> open_any(const std::string& place, Split split, const std::vector<std::string>& classes) {
  constexpr std::int64_t generated_size = 60'000;
  if (const GeneratedPlace generated = parse_generated(place); generated.generator != nullptr) {
    if (!generated.is_seeded)
      throw Error(fmt::format("data set '{}': the seed must be an integer from 0 to 2^64 - 1", place));
    return std::make_unique<Generated>(*generated.generator, generated_size, generated.seed);
  }
  const std::filesystem::path folder = place;
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored))
    throw Error(
        fmt::format("data set '{}': it must be a folder, 'shapes', 'landscape', or one of these with ':SEED'", place));
  const auto has = [&](const std::string& name) { return std::filesystem::exists(folder / name, ignored); };
  if (has("data_batch_1.bin") || has("test_batch.bin")) return open_cifar10(folder, split);
  if (has("train.bin") || has("test.bin")) return open_cifar100(folder, split);
  const auto is_file = [&](const char* name) { return std::filesystem::is_regular_file(folder / name, ignored); };
  if (is_file("data_batch_1") || is_file("test_batch") || (is_file("meta") && (is_file("train") || is_file("test"))))
    throw Error(
        fmt::format("{}: is CIFAR's python version; take the binary version (cifar-10-binary.tar.gz, "
                    "cifar-100-binary.tar.gz)",
                    place));
  for (const char* name :
       {"train-images-idx3-ubyte", "train-images.idx3-ubyte", "t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"})
    if (has(name) || has(std::string(name) + ".gz")) return open_mnist(folder, split);
  // ImageNet's root, and others': one folder of classes for each split.
  for (const char* test : {"test", "val", "validation"})
    if (has("train") && has(test)) return open_image_folder(folder / (split == Split::train ? "train" : test), classes);
  return open_image_folder(folder, classes);
}

}  // namespace

std::unique_ptr<Dataset> with_classes(std::unique_ptr<Dataset> set, const std::vector<std::string>& classes,
                                      const std::string& place) {
  if (set->classes().empty() || set->classes() == classes) return set;
  std::vector<int> labels;
  for (const std::string& name : set->classes()) {
    const auto found = std::ranges::find(classes, name);
    if (found == classes.end())
      throw Error(fmt::format("{}: class {} is not one of the {} classes: {}", place, quote(name), classes.size(),
                              listed(classes)));
    labels.push_back(static_cast<int>(found - classes.begin()));
  }
  return std::make_unique<Renumbered>(std::move(set), classes, std::move(labels));
}

std::unique_ptr<Dataset> open_dataset(const std::string& place, Split split, const std::vector<std::string>& classes) {
  std::unique_ptr<Dataset> set = open_any(place, split, classes);
  return classes.empty() ? std::move(set) : with_classes(std::move(set), classes, place);
}

}  // namespace llsa::datasets

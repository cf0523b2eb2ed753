#include "datasets/dataset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "datasets/procedural.hpp"
#include "llsa/error.hpp"
#include "llsa/quote.hpp"

namespace llsa::datasets {
namespace {

class Shapes final : public Dataset {
 public:
  Shapes(std::int64_t size, std::uint64_t seed) : size_(size), seed_(seed) {
    if (size < 1) throw Error(fmt::format("a data set of {} shapes; it must have at least 1", size));
    set_classes({shape_classes().begin(), shape_classes().end()});
  }
  std::int64_t size() const override { return size_; }
  std::string source(std::int64_t index) const override { return fmt::format("shapes:{} item {}", seed_, index); }

 private:
  Sample load(std::int64_t index, int extent) const override {
    const auto i = static_cast<std::uint64_t>(index);
    return {shape_picture(extent, seed_, i), shape_label(i)};
  }

  std::int64_t size_;
  std::uint64_t seed_;
};

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
  Sample load(std::int64_t index, int extent) const override {
    Sample sample = set_->item(index, extent);
    if (sample.label >= 0) sample.label = labels_.at(static_cast<std::size_t>(sample.label));
    return sample;
  }

  std::unique_ptr<Dataset> set_;
  std::vector<int> labels_;  ///< of each of the set's own
};

/// "'cat', 'dog', ...", the first few.
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 10;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) text += (i ? ", " : "") + quote(names[i]);
  return names.size() > most ? text + ", ..." : text;
}

constexpr std::string_view shapes_name = "shapes";

std::uint64_t shapes_seed(std::string_view place) {
  std::uint64_t seed = 0;
  const std::string_view text = place.substr(std::min(place.size(), shapes_name.size() + 1));
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (place != shapes_name && (error != std::errc() || end != text.data() + text.size()))
    throw Error(fmt::format("data set '{}': the seed must be an integer from 0 to 2^64 - 1", place));
  return seed;
}

}  // namespace

Sample Dataset::item(std::int64_t index, int extent) const {
  if (index < 0 || index >= size())
    throw Error(fmt::format("item {} of a data set; it must be 0 to {}", index, size() - 1));
  if (extent < 1) throw Error(fmt::format("pictures of {} pixels a side; it must be at least 1", extent));
  Sample sample = load(index, extent);
  if (sample.image.width != extent || sample.image.height != extent)
    sample.image = files::resize_and_crop(sample.image, extent, extent);
  return sample;
}

std::unique_ptr<Dataset> open_shapes(std::int64_t size, std::uint64_t seed) {
  return std::make_unique<Shapes>(size, seed);
}

namespace {

std::unique_ptr<Dataset> open_any(const std::string& place, Split split, const std::vector<std::string>& classes) {
  constexpr std::int64_t shapes_size = 60'000;
  if (place == shapes_name || place.starts_with(std::string(shapes_name) + ":"))
    return open_shapes(shapes_size, shapes_seed(place));
  const std::filesystem::path folder = place;
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored))
    throw Error(fmt::format("data set '{}': it must be a folder, 'shapes' or 'shapes:SEED'", place));
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

#include <fmt/format.h>

#include <utility>

#include "datasets/dataset.hpp"
#include "files/byte_source.hpp"
#include "llsa/error.hpp"

namespace llsa::datasets {
namespace {

namespace fs = std::filesystem;
constexpr int side = 32;
constexpr std::size_t plane = side * side;
constexpr std::uint64_t most_records = 100'000;

/// One of the two data sets: records of some label bytes, of which the last is the class, and three planes.
struct Version {
  const char* name;
  std::size_t label_bytes;
  int classes;

  std::size_t record() const { return label_bytes + 3 * plane; }
};
constexpr Version cifar10{"CIFAR-10", 1, 10}, cifar100{"CIFAR-100", 2, 100};

/// One name a line; those of CIFAR-10, or numbers, where there is no file.
std::vector<std::string> read_class_names(const fs::path& file, int class_count) {
  if (!fs::exists(file)) {
    if (class_count == cifar10.classes)
      return {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
    std::vector<std::string> numbers;
    for (int i = 0; i < class_count; ++i) numbers.push_back(std::to_string(i));
    return numbers;
  }
  const auto bytes = files::read_whole_file(file, 1 << 16);
  std::vector<std::string> names;
  std::string line;
  for (const std::byte b : bytes) {
    const char c = static_cast<char>(b);
    if (c != '\n' && c != '\r')
      line += c;
    else if (!line.empty())
      names.push_back(std::exchange(line, {}));
  }
  if (!line.empty()) names.push_back(line);
  if (names.size() != static_cast<std::size_t>(class_count))
    throw Error(
        fmt::format("{}: {} names of classes; it must have {}, one a line", file.string(), names.size(), class_count));
  return names;
}

class Cifar final : public Dataset {
 public:
  Cifar(const Version& version, const std::vector<fs::path>& files, const fs::path& names) : version_(version) {
    for (const fs::path& file : files) add_batch(file);
    set_classes(read_class_names(names, version.classes));
  }
  std::int64_t size() const override { return size_; }
  std::string source(std::int64_t index) const override {
    const Batch& batch = batch_of(index);
    return fmt::format("{} record {}", batch.file, index);
  }

 private:
  struct Batch {
    std::string file;
    std::vector<std::byte> bytes;
    std::int64_t count = 0;
  };

  void add_batch(const fs::path& file) {
    const std::size_t record = version_.record();
    Batch batch{file.string(), files::read_whole_file(file, record * most_records)};
    if (batch.bytes.empty() || batch.bytes.size() % record != 0)
      throw Error(fmt::format("{}: {} bytes; a {} batch is one or more records of {} bytes", batch.file,
                              batch.bytes.size(), version_.name, record));
    batch.count = static_cast<std::int64_t>(batch.bytes.size() / record);
    for (std::size_t at = 0; at < batch.bytes.size(); at += record)
      if (const auto label = static_cast<int>(batch.bytes[at + version_.label_bytes - 1]); label >= version_.classes)
        throw Error(fmt::format("{}: record {} at byte {} has label {}; it must be 0 to {}", batch.file, at / record,
                                at, label, version_.classes - 1));
    size_ += batch.count;
    batches_.push_back(std::move(batch));
  }

  /// Makes `index` relative to the batch.
  const Batch& batch_of(std::int64_t& index) const {
    std::size_t b = 0;
    while (index >= batches_[b].count) index -= batches_[b++].count;
    return batches_[b];
  }

  Sample load(std::int64_t index, const files::PictureExtent&) const override {
    const Batch& batch = batch_of(index);
    const std::byte* from =
        batch.bytes.data() + static_cast<std::size_t>(index) * version_.record() + version_.label_bytes;
    Sample sample{{files::Image(side, side)}, static_cast<int>(from[-1])};
    files::Image& image = sample.frames.front();
    for (std::size_t i = 0; i < plane; ++i)
      for (std::size_t c = 0; c < 3; ++c) image.rgb[i * 3 + c] = static_cast<std::uint8_t>(from[c * plane + i]);
    return sample;
  }

  Version version_;
  std::vector<Batch> batches_;
  std::int64_t size_ = 0;
};

}  // namespace

std::unique_ptr<Dataset> open_cifar10(const fs::path& folder, Split split) {
  std::vector<fs::path> files;
  if (split == Split::test) files.push_back(folder / "test_batch.bin");
  for (int i = 1; split == Split::train && i <= 5; ++i)
    if (const fs::path file = folder / fmt::format("data_batch_{}.bin", i); fs::exists(file)) files.push_back(file);
  if (files.empty()) throw Error(fmt::format("{}: there is no data_batch_1.bin to data_batch_5.bin", folder.string()));
  return std::make_unique<Cifar>(cifar10, files, folder / "batches.meta.txt");
}

std::unique_ptr<Dataset> open_cifar100(const fs::path& folder, Split split) {
  return std::make_unique<Cifar>(cifar100, std::vector{folder / (split == Split::train ? "train.bin" : "test.bin")},
                                 folder / "fine_label_names.txt");
}

}  // namespace llsa::datasets

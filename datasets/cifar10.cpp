#include <fmt/format.h>

#include <utility>

#include "files/byte_source.hpp"
#include "datasets/dataset.hpp"
#include "llsa/error.hpp"

namespace llsa::datasets {
namespace {

namespace fs = std::filesystem;
constexpr int side = 32, class_count = 10;
constexpr std::size_t plane = side * side, record = 1 + 3 * plane;
constexpr std::uint64_t largest_batch = record * 100'000;

std::vector<std::string> read_class_names(const fs::path& file) {
  if (!fs::exists(file))
    return {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
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
  if (names.size() != class_count)
    throw Error(
        fmt::format("{}: {} names of classes; it must have {}, one a line", file.string(), names.size(), class_count));
  return names;
}

class Cifar10 final : public Dataset {
 public:
  Cifar10(const fs::path& folder, Split split) {
    if (split == Split::test) add_batch(folder / "test_batch.bin");
    for (int i = 1; split == Split::train && i <= 5; ++i)
      if (const fs::path file = folder / fmt::format("data_batch_{}.bin", i); fs::exists(file)) add_batch(file);
    if (batches_.empty())
      throw Error(fmt::format("{}: there is no data_batch_1.bin to data_batch_5.bin", folder.string()));
    set_classes(read_class_names(folder / "batches.meta.txt"));
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
    std::int64_t count() const { return static_cast<std::int64_t>(bytes.size() / record); }
  };

  void add_batch(const fs::path& file) {
    Batch batch{file.string(), files::read_whole_file(file, largest_batch)};
    if (batch.bytes.empty() || batch.bytes.size() % record != 0)
      throw Error(fmt::format("{}: {} bytes; a CIFAR-10 batch is one or more records of {} bytes", batch.file,
                              batch.bytes.size(), record));
    for (std::int64_t i = 0; i < batch.count(); ++i)
      if (const auto label = static_cast<int>(batch.bytes[static_cast<std::size_t>(i) * record]); label >= class_count)
        throw Error(fmt::format("{}: record {} at byte {} has label {}; it must be 0 to {}", batch.file, i,
                                static_cast<std::size_t>(i) * record, label, class_count - 1));
    size_ += batch.count();
    batches_.push_back(std::move(batch));
  }

  /// Makes `index` relative to the batch.
  const Batch& batch_of(std::int64_t& index) const {
    std::size_t b = 0;
    while (index >= batches_[b].count()) index -= batches_[b++].count();
    return batches_[b];
  }

  Sample load(std::int64_t index, int) const override {
    const Batch& batch = batch_of(index);
    const std::byte* from = batch.bytes.data() + static_cast<std::size_t>(index) * record;
    Sample sample{files::Image(side, side), static_cast<int>(*from++)};
    for (std::size_t i = 0; i < plane; ++i)
      for (std::size_t c = 0; c < 3; ++c) sample.image.rgb[i * 3 + c] = static_cast<std::uint8_t>(from[c * plane + i]);
    return sample;
  }

  std::vector<Batch> batches_;
  std::int64_t size_ = 0;
};

}  // namespace

std::unique_ptr<Dataset> open_cifar10(const fs::path& folder, Split split) {
  return std::make_unique<Cifar10>(folder, split);
}

}  // namespace llsa::datasets

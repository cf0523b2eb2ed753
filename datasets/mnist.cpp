#include <fmt/format.h>

#include <algorithm>

#include "datasets/dataset.hpp"
#include "datasets/idx.hpp"
#include "llsa/error.hpp"

namespace llsa::datasets {
namespace {

namespace fs = std::filesystem;

/// As published, compressed or not, or with the dot that some archives put before the kind in place of the dash.
fs::path find_file(const fs::path& folder, const std::string& prefix, const std::string& kind) {
  const std::string usual = prefix + "-" + kind, dotted = prefix + "." + kind;
  for (const std::string& name : {dotted, usual, dotted + ".gz", usual + ".gz"})
    if (fs::exists(folder / name)) return folder / name;
  return folder / usual;
}

class Mnist final : public Dataset {
 public:
  Mnist(const fs::path& folder, Split split) {
    const std::string prefix = split == Split::train ? "train" : "t10k";
    const fs::path images = find_file(folder, prefix + "-images", "idx3-ubyte"),
                   labels = find_file(folder, prefix + "-labels", "idx1-ubyte");
    file_ = images.string();
    images_ = read_idx(images, 3);
    labels_ = read_idx(labels, 1);
    if (labels_.shape[0] != images_.shape[0])
      throw Error(fmt::format("{}: {} labels for the {} pictures of {}", labels.string(), labels_.shape[0],
                              images_.shape[0], file_));
    if (images_.shape[1] * images_.shape[2] > files::max_image_pixels)
      throw Error(fmt::format("{}: pictures of {} x {} pixels; at most {} pixels are allowed", file_, images_.shape[2],
                              images_.shape[1], files::max_image_pixels));
    const int largest = *std::ranges::max_element(labels_.values);
    std::vector<std::string> names;
    for (int i = 0; i <= largest; ++i) names.push_back(std::to_string(i));
    set_classes(std::move(names));
  }
  std::int64_t size() const override { return images_.shape[0]; }
  std::string source(std::int64_t index) const override { return fmt::format("{} item {}", file_, index); }

 private:
  Sample load(std::int64_t index, const files::PictureExtent&) const override {
    const auto i = static_cast<std::size_t>(index);
    files::Image image(static_cast<int>(images_.shape[2]), static_cast<int>(images_.shape[1]));
    const std::size_t pixels = image.rgb.size() / 3;
    for (std::size_t p = 0; p < pixels; ++p) std::fill_n(image.rgb.data() + p * 3, 3, images_.values[i * pixels + p]);
    return {{std::move(image)}, labels_.values[i]};
  }

  std::string file_;
  IdxArray images_, labels_;
};

}  // namespace

std::unique_ptr<Dataset> open_mnist(const fs::path& folder, Split split) {
  return std::make_unique<Mnist>(folder, split);
}

}  // namespace llsa::datasets

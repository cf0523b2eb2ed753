#include "viewer/model/picture_document.hpp"

#include <algorithm>
#include <cmath>

#include "datasets/pixel_projection.hpp"
#include "datasets/procedural.hpp"

namespace llsa::viewer {
namespace {

constexpr int longest_side = 256;

files::Image sized(const files::Image& image, const LoadHints& hints) {
  if (hints.picture_size) {
    if (hints.picture_size->frames != 1) throw Error("a picture has one frame; its size is HxW, for example 256x256");
    return files::resize_and_crop(image, static_cast<int>(hints.picture_size->width),
                                  static_cast<int>(hints.picture_size->height));
  }
  const int longer = std::max(image.width, image.height);
  if (longer <= longest_side) return image;
  const auto shrunk = [&](int side) {
    return std::max(1, static_cast<int>(std::lround(static_cast<double>(side) * longest_side / longer)));
  };
  return files::resize(image, shrunk(image.width), shrunk(image.height));
}

}  // namespace

Document picture_document(const std::filesystem::path& file, const LoadHints& hints) {
  Document document;
  if (file.empty()) {
    const Grid size = hints.picture_size.value_or(Grid{1, longest_side, longest_side});
    document.pictures.push_back(
        datasets::landscape(static_cast<int>(size.width), static_cast<int>(size.height), hints.seed));
  } else {
    document.pictures.push_back(sized(files::read_image(file), hints));
  }
  const files::Image& picture = document.pictures.front();
  document.query_grid = document.key_grid = {1, picture.height, picture.width};
  document.order = "morton";
  datasets::PixelTokens tokens =
      datasets::project(picture, datasets::local_features(picture), morton_order(document.query_grid),
                        datasets::ProjectionOptions{.seed = hints.seed});
  document.sets.push_back({"", std::move(tokens.query), std::move(tokens.key), std::move(tokens.value)});
  return document;
}

}  // namespace llsa::viewer

#include "files/image.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "llsa/error.hpp"

namespace llsa::files {

Image::Image(int width_, int height_) : width(width_), height(height_) {
  if (width < 1 || height < 1)
    throw Error(fmt::format("a picture of {} x {} pixels; both must be at least 1", width, height));
  if (std::int64_t{width} * height > max_image_pixels)
    throw Error(
        fmt::format("a picture of {} x {} pixels; at most {} pixels are allowed", width, height, max_image_pixels));
  rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
}

Image oriented(const Image& image, int orientation) {
  if (orientation < 1 || orientation > 8) throw Error(fmt::format("orientation is {}; it must be 1 to 8", orientation));
  if (orientation == 1) return image;
  // 5 to 8 exchange rows and columns; which borders begin the picture decides the rest.
  const bool transposed = orientation >= 5;
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image result(transposed ? image.height : image.width, transposed ? image.width : image.height);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x) {
      const int column = transposed ? y : x, row = transposed ? x : y;
      const std::uint8_t* from =
          image.pixel(from_right ? image.width - 1 - column : column, from_below ? image.height - 1 - row : row);
      std::copy_n(from, 3, result.pixel(x, y));
    }
  return result;
}

Image center_crop(const Image& image, int width, int height) {
  if (width > image.width || height > image.height)
    throw Error(fmt::format("cannot crop {} x {} pixels out of a picture of {} x {}", width, height, image.width,
                            image.height));
  Image result(width, height);
  const int left = (image.width - width) / 2, top = (image.height - height) / 2;
  for (int y = 0; y < height; ++y)
    std::copy_n(image.pixel(left, top + y), static_cast<std::size_t>(width) * 3, result.pixel(0, y));
  return result;
}

Image resize_and_crop(const Image& image, int width, int height) {
  if (width < 1 || height < 1) throw Error(fmt::format("cannot resize to {} x {} pixels", width, height));
  // The larger of the two scales that fit, in integers: w : h = width : height with w or h at its full extent.
  const std::int64_t w = image.width, h = image.height;
  const bool wide = w * height > h * width;
  const auto cropped_width = wide ? std::max<std::int64_t>(1, (h * width + height / 2) / height) : w;
  const auto cropped_height = wide ? h : std::max<std::int64_t>(1, (w * height + width / 2) / width);
  return resize(center_crop(image, static_cast<int>(cropped_width), static_cast<int>(cropped_height)), width, height);
}

}  // namespace llsa::files

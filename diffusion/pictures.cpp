#include "diffusion/pictures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "llsa/error.hpp"

namespace llsa::diffusion {
namespace {

std::uint8_t to_byte(float value) {
  const float scaled = (value + 1) * 127.5f;
  return scaled >= 255 ? 255 : scaled > 0 ? std::uint8_t(std::lround(scaled)) : 0;
}

}  // namespace

void to_numbers(const files::Image& image, std::int64_t channels, bool mirror, std::span<float> numbers) {
  if (channels != 1 && channels != 3) throw Error(fmt::format("channels are {}; pictures have 1 or 3", channels));
  const std::int64_t plane = std::int64_t{image.width} * image.height;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const std::uint8_t* rgb = image.pixel(mirror ? image.width - 1 - x : x, y);
      float* out = numbers.data() + std::int64_t{y} * image.width + x;
      if (channels == 1) {
        *out = float(rgb[0] + rgb[1] + rgb[2]) / (3 * 127.5f) - 1;
      } else {
        for (int c = 0; c < 3; ++c) out[c * plane] = float(rgb[c]) / 127.5f - 1;
      }
    }
  }
}

files::Image to_image(std::span<const float> numbers, std::int64_t channels, std::int64_t size) {
  files::Image image{int(size), int(size)};
  for (std::int64_t i = 0; i < size * size; ++i) {
    for (std::int64_t c = 0; c < 3; ++c) {
      image.rgb[std::size_t(i * 3 + c)] = to_byte(numbers[std::size_t((channels == 1 ? 0 : c) * size * size + i)]);
    }
  }
  return image;
}

GridExtent grid_extent(std::int64_t count, std::int64_t size, std::int64_t columns, std::int64_t zoom) {
  constexpr std::int64_t most = files::max_image_pixels;
  const auto require = [&](const char* what, std::int64_t value) {
    if (value < 1 || value > most) throw Error(fmt::format("{} is {}; it must be 1 to {}", what, value, most));
  };
  require("number of columns", columns);
  require("zoom", zoom);
  const std::int64_t rows = (count + columns - 1) / columns, cell = size * zoom + 1;
  // At most 2^26 columns or rows of 2^40 pixels each would not fit 64 bits; wider cells are refused anyway.
  const GridExtent extent{columns * std::min(cell, most + 1) - 1, rows * std::min(cell, most + 1) - 1};
  if (cell > most || extent.width > most || extent.height > most || extent.width * extent.height > most) {
    throw Error(
        fmt::format("a grid of {} x {} pixels; at most {} pixels are allowed, so show fewer pictures or zoom less",
                    extent.width, extent.height, most));
  }
  return extent;
}

files::Image picture_grid(std::span<const float> pictures, std::int64_t channels, std::int64_t size,
                          std::int64_t columns, std::int64_t zoom) {
  const std::int64_t elements = channels * size * size, count = std::int64_t(pictures.size()) / elements;
  const GridExtent extent = grid_extent(count, size, columns, zoom);
  const std::int64_t cell = size * zoom + 1;
  files::Image grid{int(extent.width), int(extent.height)};
  for (std::int64_t i = 0; i < count; ++i) {
    const files::Image one =
        to_image(pictures.subspan(std::size_t(i * elements), std::size_t(elements)), channels, size);
    for (std::int64_t y = 0; y < size * zoom; ++y) {
      for (std::int64_t x = 0; x < size * zoom; ++x) {
        std::copy_n(one.pixel(int(x / zoom), int(y / zoom)), 3,
                    grid.pixel(int(i % columns * cell + x), int(i / columns * cell + y)));
      }
    }
  }
  return grid;
}

std::int64_t grid_columns(std::int64_t count) { return std::int64_t(std::ceil(std::sqrt(double(count)))); }
std::int64_t grid_zoom(std::int64_t size) { return std::max<std::int64_t>(1, (64 + size - 1) / size); }

}  // namespace llsa::diffusion

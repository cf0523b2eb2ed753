#include "diffusion/pictures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "files/apng.hpp"
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

void to_numbers(std::span<const files::Image> frames, std::int64_t channels, bool mirror, std::span<float> numbers) {
  const std::size_t elements = numbers.size() / frames.size();
  for (std::size_t i = 0; i < frames.size(); ++i)
    to_numbers(frames[i], channels, mirror, numbers.subspan(i * elements, elements));
}

files::Image to_image(std::span<const float> numbers, std::int64_t channels, const files::PictureExtent& extent,
                      std::int64_t frame) {
  files::Image image{int(extent.width), int(extent.height)};
  const std::int64_t plane = extent.pixels_of_a_frame(), first = frame * channels * plane;
  for (std::int64_t i = 0; i < plane; ++i) {
    for (std::int64_t c = 0; c < 3; ++c) {
      image.rgb[std::size_t(i * 3 + c)] = to_byte(numbers[std::size_t(first + (channels == 1 ? 0 : c) * plane + i)]);
    }
  }
  return image;
}

GridExtent grid_extent(std::int64_t count, const files::PictureExtent& extent, std::int64_t columns,
                       std::int64_t zoom) {
  constexpr std::int64_t most = files::max_image_pixels;
  const auto require = [&](const char* what, std::int64_t value) {
    if (value < 1 || value > most) throw Error(fmt::format("{} is {}; it must be 1 to {}", what, value, most));
  };
  require("number of columns", columns);
  require("zoom", zoom);
  const std::int64_t rows = (count + columns - 1) / columns;
  const std::int64_t wide = extent.width * zoom + 1, high = extent.height * zoom + 1;
  // At most 2^26 columns or rows of 2^40 pixels each would not fit 64 bits; wider cells are refused anyway.
  const GridExtent grid{columns * std::min(wide, most + 1) - 1, rows * std::min(high, most + 1) - 1};
  if (std::max(wide, high) > most || grid.width > most || grid.height > most || grid.width * grid.height > most) {
    throw Error(
        fmt::format("a grid of {} x {} pixels; at most {} pixels are allowed, so show fewer pictures or zoom less",
                    grid.width, grid.height, most));
  }
  return grid;
}

files::Image picture_grid(std::span<const float> pictures, std::int64_t channels, const files::PictureExtent& extent,
                          std::int64_t columns, std::int64_t zoom, std::int64_t frame) {
  const std::int64_t elements = channels * extent.pixels(), count = std::int64_t(pictures.size()) / elements;
  const GridExtent whole = grid_extent(count, extent, columns, zoom);
  const std::int64_t wide = extent.width * zoom, high = extent.height * zoom;
  files::Image grid{int(whole.width), int(whole.height)};
  for (std::int64_t i = 0; i < count; ++i) {
    const files::Image one =
        to_image(pictures.subspan(std::size_t(i * elements), std::size_t(elements)), channels, extent, frame);
    for (std::int64_t y = 0; y < high; ++y) {
      for (std::int64_t x = 0; x < wide; ++x) {
        std::copy_n(one.pixel(int(x / zoom), int(y / zoom)), 3,
                    grid.pixel(int(i % columns * (wide + 1) + x), int(i / columns * (high + 1) + y)));
      }
    }
  }
  return grid;
}

std::vector<files::Image> to_frames(std::span<const float> numbers, std::int64_t channels,
                                    const files::PictureExtent& extent) {
  std::vector<files::Image> frames;
  for (std::int64_t f = 0; f < extent.frames; ++f) frames.push_back(to_image(numbers, channels, extent, f));
  return frames;
}

std::vector<files::Image> grid_frames(std::span<const float> pictures, std::int64_t channels,
                                      const files::PictureExtent& extent, std::int64_t columns, std::int64_t zoom) {
  std::vector<files::Image> frames;
  for (std::int64_t f = 0; f < extent.frames; ++f)
    frames.push_back(picture_grid(pictures, channels, extent, columns, zoom, f));
  return frames;
}

void write_frames(const std::filesystem::path& path, std::span<const files::Image> frames) {
  if (frames.size() == 1)
    files::write_png(path, frames.front());
  else
    files::write_apng(path, frames, frame_milliseconds);
}

std::int64_t grid_columns(std::int64_t count) { return std::int64_t(std::ceil(std::sqrt(double(count)))); }
std::int64_t grid_zoom(const files::PictureExtent& extent) {
  const std::int64_t side = extent.shorter_side();
  return std::max<std::int64_t>(1, (64 + side - 1) / side);
}

}  // namespace llsa::diffusion

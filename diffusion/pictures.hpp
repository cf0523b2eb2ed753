#pragma once

#include <cstdint>
#include <span>

#include "files/image.hpp"

namespace llsa::diffusion {

/// 8-bit RGB as the model takes it: `[channels, height, width]`, `value / 127.5 - 1`. Three channels are red, green,
/// blue; one is their mean. Throws `Error` for another number of channels.
void to_numbers(const files::Image& image, std::int64_t channels, bool mirror, std::span<float> numbers);

/// Back: rounded to nearest, clamped to 0..255 (NaN becomes 0). One channel becomes grey.
files::Image to_image(std::span<const float> numbers, std::int64_t channels, std::int64_t size);

/// Width and height of `picture_grid` in pixels.
struct GridExtent {
  std::int64_t width = 0, height = 0;
};
/// Throws `Error` unless columns and zoom are 1 or more, and when the grid would have more than
/// `files::max_image_pixels`.
GridExtent grid_extent(std::int64_t count, std::int64_t size, std::int64_t columns, std::int64_t zoom);

/// Pictures `[count, channels, size, size]` side by side, `columns` in a row, one pixel between them, every pixel drawn
/// `zoom` x `zoom`.
files::Image picture_grid(std::span<const float> pictures, std::int64_t channels, std::int64_t size,
                          std::int64_t columns, std::int64_t zoom);
/// As many columns as make the grid roughly square.
std::int64_t grid_columns(std::int64_t count);
/// The zoom that makes a picture of `size` pixels at least 64 wide.
std::int64_t grid_zoom(std::int64_t size);

}  // namespace llsa::diffusion

#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "files/extent.hpp"
#include "files/image.hpp"

namespace llsa::diffusion {

/// 8-bit RGB as the model takes it, of a picture or of one frame: `[channels, height, width]`, `value / 127.5 - 1`.
/// Three channels are red, green, blue; one is their mean. Throws `Error` for another number of channels.
void to_numbers(const files::Image& image, std::int64_t channels, bool mirror, std::span<float> numbers);
/// The frames of a video one after the other, `[frames, channels, height, width]`.
void to_numbers(std::span<const files::Image> frames, std::int64_t channels, bool mirror, std::span<float> numbers);

/// Back: rounded to nearest, clamped to 0..255 (NaN becomes 0). One channel becomes grey. Of a video, one frame.
files::Image to_image(std::span<const float> numbers, std::int64_t channels, const files::PictureExtent& extent,
                      std::int64_t frame = 0);

/// Width and height of `picture_grid` in pixels.
struct GridExtent {
  std::int64_t width = 0, height = 0;
};
/// Throws `Error` unless columns and zoom are 1 or more, and when the grid would have more than
/// `files::max_image_pixels`.
GridExtent grid_extent(std::int64_t count, const files::PictureExtent& extent, std::int64_t columns, std::int64_t zoom);

/// All frames of one picture or video.
std::vector<files::Image> to_frames(std::span<const float> numbers, std::int64_t channels,
                                    const files::PictureExtent& extent);

/// Pictures `[count, channels, height, width]` side by side, `columns` in a row, one pixel between them, every pixel
/// drawn `zoom` x `zoom`. Of videos, all in the same frame.
files::Image picture_grid(std::span<const float> pictures, std::int64_t channels, const files::PictureExtent& extent,
                          std::int64_t columns, std::int64_t zoom, std::int64_t frame = 0);
/// `picture_grid` of every frame: one picture, or what an animation shows one after the other.
std::vector<files::Image> grid_frames(std::span<const float> pictures, std::int64_t channels,
                                      const files::PictureExtent& extent, std::int64_t columns, std::int64_t zoom);

/// Writes a picture as PNG, several frames as an animated one (`frame_milliseconds` each, over and over).
void write_frames(const std::filesystem::path& path, std::span<const files::Image> frames);
inline constexpr int frame_milliseconds = 125;

/// As many columns as make the grid of squares roughly square.
std::int64_t grid_columns(std::int64_t count);
/// The zoom that makes the shorter side at least 64 pixels.
std::int64_t grid_zoom(const files::PictureExtent& extent);

}  // namespace llsa::diffusion

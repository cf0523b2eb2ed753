#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace llsa::files {

/// A picture: 8-bit red, green, blue (sRGB values as stored), `rgb[(y * width + x) * 3 + channel]`, top row first.
struct Image {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;

  Image() = default;
  /// Black. Throws `Error` when an extent is below 1 or there are more than `max_image_pixels`.
  Image(int width, int height);
  std::uint8_t* pixel(int x, int y) { return rgb.data() + (static_cast<std::size_t>(y) * width + x) * 3; }
  const std::uint8_t* pixel(int x, int y) const { return rgb.data() + (static_cast<std::size_t>(y) * width + x) * 3; }
  friend bool operator==(const Image&, const Image&) = default;
};

/// Larger pictures are refused before their memory is taken.
inline constexpr std::int64_t max_image_pixels = std::int64_t{1} << 26;

/// Reads PNG or JPEG, told apart by content. Grey becomes three equal channels, 16 bits are cut to their upper 8, and
/// transparent pixels are laid over white. A JPEG is turned as its EXIF orientation says; no colour profile is applied.
/// PNG checksums are checked and a JPEG must have its end marker, so that a truncated file is an error; bytes after a
/// PNG's end are passed over. Throws `Error`, one line that begins with the
/// path.
Image read_image(const std::filesystem::path& path);

/// The same from memory; `name` stands for the path in messages.
Image parse_image(std::span<const std::byte> file, const std::string& name);

/// Writes PNG (RGB, 8 bit) to a temporary file that is renamed when complete. Throws `Error`; `path` is untouched then.
void write_png(const std::filesystem::path& path, const Image& image);
std::vector<std::byte> encode_png(const Image& image);

/// Resamples to width x height with an antialiased triangle filter, separably: output pixel i along an axis of n -> m
/// pixels is the mean of the source pixels j weighted by `max(0, 1 - |(j + 0.5) - (i + 0.5) n/m| / max(1, n/m))`, over
/// the pixels that exist; rounded once, half up, after both axes. Enlarging is bilinear. Throws `Error` for an extent
/// below 1.
Image resize(const Image& image, int width, int height);

/// The picture turned and mirrored as an EXIF orientation asks, 1 (as it is) to 8. Throws `Error` for another number.
Image oriented(const Image& image, int orientation);

/// The middle width x height pixels (the upper left of two equal choices). Throws `Error` when the picture is smaller.
Image center_crop(const Image& image, int width, int height);

/// The largest centred part with the proportions width : height, resampled to width x height.
Image resize_and_crop(const Image& image, int width, int height);

}  // namespace llsa::files

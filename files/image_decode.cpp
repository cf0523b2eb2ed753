#include <fmt/format.h>

#include <cstdlib>
#include <memory>

#include "files/byte_source.hpp"
#include "files/foreign_format.hpp"
#include "files/image.hpp"
#include "files/image_integrity.hpp"
#include "llsa/error.hpp"

namespace {

/// The decoder's memory while it works on one picture. A few bytes of PNG can inflate to gigabytes: what is beyond any
/// need of the picture's extents is refused.
thread_local std::size_t allocation_limit = 0;

void* limited_malloc(std::size_t size) { return size <= allocation_limit ? std::malloc(size) : nullptr; }
void* limited_realloc(void* old, std::size_t size) {
  return size <= allocation_limit ? std::realloc(old, size) : nullptr;
}

}  // namespace

#define STBI_MALLOC(size) limited_malloc(size)
#define STBI_REALLOC(old, size) limited_realloc(old, size)
#define STBI_FREE(old) std::free(old)
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace llsa::files {
namespace {

constexpr std::uint64_t max_image_file = std::uint64_t{1} << 30;

struct FreeDecoded {
  void operator()(stbi_uc* pixels) const { std::free(pixels); }
};

std::uint8_t over_white(int value, int alpha) {
  return static_cast<std::uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

/// Grey, grey + alpha, RGB or RGBA to RGB.
void store_pixel(const stbi_uc* from, int channels, std::uint8_t* to) {
  const bool grey = channels <= 2;
  const int alpha = channels == 2 ? from[1] : channels == 4 ? from[3] : 255;
  for (int c = 0; c < 3; ++c) to[c] = over_white(from[grey ? 0 : c], alpha);
}

Image decode(std::span<const std::byte> file) {
  int orientation = 1;
  if (is_png(file)) {
    file = check_png(file);
  } else if (is_jpeg(file)) {
    check_jpeg(file);
    orientation = exif_orientation(file);
  } else {
    throw Error("neither PNG nor JPEG");
  }
  const auto* bytes = reinterpret_cast<const stbi_uc*>(file.data());
  const int size = static_cast<int>(file.size());
  constexpr std::size_t basic_needs = 1 << 20, bytes_per_pixel = 32;
  allocation_limit = basic_needs;
  int width = 0, height = 0, channels = 0;
  if (!stbi_info_from_memory(bytes, size, &width, &height, &channels))
    throw Error(fmt::format("cannot be decoded: {}", stbi_failure_reason()));
  Image image(width, height);
  allocation_limit = basic_needs + bytes_per_pixel * static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  const std::unique_ptr<stbi_uc, FreeDecoded> pixels(stbi_load_from_memory(bytes, size, &width, &height, &channels, 0));
  if (!pixels) throw Error(fmt::format("cannot be decoded: {}", stbi_failure_reason()));
  if (width != image.width || height != image.height) throw Error("cannot be decoded: two different sizes are given");
  const std::size_t count = image.rgb.size() / 3;
  for (std::size_t i = 0; i < count; ++i)
    store_pixel(pixels.get() + i * static_cast<std::size_t>(channels), channels, image.rgb.data() + i * 3);
  return oriented(image, orientation);
}

}  // namespace

Image parse_image(std::span<const std::byte> file, const std::string& name) {
  try {
    if (file.size() > max_image_file)
      throw Error(fmt::format("is {} bytes long; at most {} are allowed", file.size(), max_image_file));
    if (!is_png(file) && !is_jpeg(file)) refuse_foreign(*view_memory(file, name));
    return decode(file);
  } catch (const Error& error) {
    const std::string message = error.what();
    throw Error(message.starts_with(name + ": ") ? message : name + ": " + message);
  }
}

Image read_image(const std::filesystem::path& path) {
  return parse_image(read_whole_file(path, max_image_file), path.string());
}

}  // namespace llsa::files

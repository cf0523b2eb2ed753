#include "files/apng.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <string>
#include <string_view>

#include "files/atomic_file.hpp"
#include "files/byte_source.hpp"
#include "files/image_integrity.hpp"
#include "llsa/error.hpp"

namespace llsa::files {
namespace {

std::string big_endian(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = bytes - 1; i >= 0; --i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

/// Length, name, content, checksum.
std::string chunk(std::string_view name, std::string_view content) {
  const std::string body = std::string(name) + std::string(content);
  const auto crc = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const unsigned char*>(body.data()), static_cast<unsigned>(body.size())));
  return big_endian(static_cast<std::uint32_t>(content.size()), 4) + body + big_endian(crc, 4);
}

/// The parts of a PNG of ours that an animation needs: the header's content, and all image data in one.
struct Parts {
  std::string header, data;
};

Parts parts_of(const Image& picture) {
  const std::vector<std::byte> file = encode_png(picture);
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  Parts parts;
  for (std::size_t at = 8; at < bytes.size();) {
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[at + i]);
    const std::string_view name = bytes.substr(at + 4, 4), content = bytes.substr(at + 8, length);
    if (name == "IHDR") parts.header = content;
    if (name == "IDAT") parts.data += content;
    at += std::size_t{length} + 12;
  }
  return parts;
}

std::uint32_t number_at(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < count; ++i) number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
  return number;
}

/// What the chunks of an animated PNG say.
struct Animation {
  std::string head;                 ///< chunks that every frame needs, whole
  std::vector<std::string> frames;  ///< image data
  bool is_animated = false;

  void take(std::string_view name, std::string_view content) {
    if (name == "acTL") is_animated = true;
    if (name == "IHDR" && content.size() >= 8) {
      width_ = number_at(content, 0, 4);
      height_ = number_at(content, 4, 4);
    }
    if (name == "IHDR" || name == "PLTE" || name == "tRNS") head += chunk(name, content);
    if (name == "fcTL") begin_frame(content);
    if (name == "IDAT" && !frames.empty()) frames.back() += content;  // else it is no part of the animation
    if (name == "fdAT" && (frames.empty() || content.size() < 4)) throw Error("has an animation without frames");
    if (name == "fdAT") frames.back() += content.substr(4);
  }

 private:
  void begin_frame(std::string_view control) {
    constexpr std::size_t size = 26;
    if (control.size() != size) throw Error("has a frame that does not say where it lies");
    const bool whole = number_at(control, 4, 4) == width_ && number_at(control, 8, 4) == height_ &&
                       number_at(control, 12, 4) == 0 && number_at(control, 16, 4) == 0;
    if (!whole || control[size - 1] != 0)
      throw Error("has a frame that is laid over a part of the one before; every frame must be a whole picture");
    frames.emplace_back();
    const std::int64_t pixels = static_cast<std::int64_t>(frames.size()) * width_ * height_;
    if (pixels > max_image_pixels)
      throw Error(fmt::format("has {} frames of {} x {} pixels or more; all together may have {} pixels", frames.size(),
                              width_, height_, max_image_pixels));
  }

  std::int64_t width_ = 0, height_ = 0;
};

}  // namespace

std::vector<Image> parse_frames(std::span<const std::byte> file, const std::string& name) {
  Image still = parse_image(file, name);  // checks all chunks
  if (!is_png(file)) return {std::move(still)};
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), check_png(file).size());
  constexpr std::size_t signature = 8, around = 12;  // length, name and checksum of a chunk
  Animation animation;
  try {
    for (std::size_t at = signature; at < bytes.size();) {
      const std::size_t length = number_at(bytes, at, 4);
      animation.take(bytes.substr(at + 4, 4), bytes.substr(at + 8, length));
      at += length + around;
    }
  } catch (const Error& error) {
    throw Error(name + ": " + error.what());
  }
  if (!animation.is_animated || animation.frames.empty()) return {std::move(still)};
  std::vector<Image> frames;
  for (const std::string& data : animation.frames) {
    const std::string picture =
        std::string(bytes.substr(0, signature)) + animation.head + chunk("IDAT", data) + chunk("IEND", "");
    frames.push_back(parse_image(std::as_bytes(std::span(picture)), name));
  }
  return frames;
}

std::vector<Image> read_frames(const std::filesystem::path& path) {
  constexpr std::uint64_t largest_file = std::uint64_t{1} << 30;
  return parse_frames(read_whole_file(path, largest_file), path.string());
}

std::vector<std::byte> encode_apng(std::span<const Image> pictures, int milliseconds) {
  if (pictures.empty()) throw Error("an animation needs a picture");
  std::string file = "\x89PNG\r\n\x1a\n";
  std::uint32_t sequence = 0;
  for (const Image& picture : pictures) {
    const Image& first = pictures.front();
    if (picture.width != first.width || picture.height != first.height)
      throw Error(fmt::format("an animation of {}x{} pixels has a picture of {}x{}", first.width, first.height,
                              picture.width, picture.height));
    const Parts parts = parts_of(picture);
    const bool is_first = &picture == &first;
    if (is_first) {
      file += chunk("IHDR", parts.header);
      file += chunk("acTL", big_endian(static_cast<std::uint32_t>(pictures.size()), 4) + big_endian(0, 4));
    }
    const std::string place = big_endian(0, 4) + big_endian(0, 4),
                      delay = big_endian(static_cast<std::uint32_t>(milliseconds), 2);
    const std::string nothing_of_the_one_before(2, '\0');
    file += chunk("fcTL", big_endian(sequence++, 4) + big_endian(static_cast<std::uint32_t>(picture.width), 4) +
                              big_endian(static_cast<std::uint32_t>(picture.height), 4) + place + delay +
                              big_endian(1000, 2) + nothing_of_the_one_before);
    file += is_first ? chunk("IDAT", parts.data) : chunk("fdAT", big_endian(sequence++, 4) + parts.data);
  }
  file += chunk("IEND", "");
  const auto* begin = reinterpret_cast<const std::byte*>(file.data());
  return {begin, begin + file.size()};
}

void write_apng(const std::filesystem::path& path, std::span<const Image> pictures, int milliseconds) {
  write_file_atomically(path, encode_apng(pictures, milliseconds));
}

}  // namespace llsa::files

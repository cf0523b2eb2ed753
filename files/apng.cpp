#include "files/apng.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <string>
#include <string_view>

#include "files/atomic_file.hpp"
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

}  // namespace

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

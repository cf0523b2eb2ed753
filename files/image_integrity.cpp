#include "files/image_integrity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "files/byte_source.hpp"
#include "llsa/error.hpp"
#include "llsa/quote.hpp"

namespace llsa::files {
namespace {

constexpr std::array<std::uint8_t, 8> png_magic{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr std::array<std::uint8_t, 3> jpeg_magic{0xff, 0xd8, 0xff};

std::uint8_t byte_at(std::span<const std::byte> file, std::size_t i) { return static_cast<std::uint8_t>(file[i]); }

bool begins_with(std::span<const std::byte> file, std::span<const std::uint8_t> magic) {
  return file.size() >= magic.size() && std::ranges::equal(file.first(magic.size()), std::as_bytes(magic));
}

std::uint32_t big_endian(std::span<const std::byte> file, std::size_t at, int bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | byte_at(file, at + static_cast<std::size_t>(i));
  return value;
}

std::uint32_t crc32(std::span<const std::byte> bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = (t[i] >> 1) ^ ((t[i] & 1) ? 0xedb88320u : 0u);
    }
    return t;
  }();
  std::uint32_t crc = ~0u;
  for (const std::byte b : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<std::uint32_t>(b)) & 0xff];
  return ~crc;
}

/// A fuzzer does not guess checksums; without this it would test nothing behind them.
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
constexpr bool check_sums = false;
#else
constexpr bool check_sums = true;
#endif

}  // namespace

bool is_png(std::span<const std::byte> file) { return begins_with(file, png_magic); }
bool is_jpeg(std::span<const std::byte> file) { return begins_with(file, jpeg_magic); }

std::span<const std::byte> check_png(std::span<const std::byte> file) {
  for (std::size_t at = png_magic.size();;) {
    constexpr std::size_t overhead = 12;  // length, type, checksum
    if (file.size() - at < overhead)
      throw Error(fmt::format("PNG: the file ends at byte {} without IEND", file.size()));
    const std::size_t length = big_endian(file, at, 4);
    const std::string_view type(reinterpret_cast<const char*>(file.data()) + at + 4, 4);
    if (length > file.size() - at - overhead)
      throw Error(fmt::format("PNG: chunk {} at byte {} claims {} bytes; the file has {}", quote(type), at, length,
                              file.size()));
    if (check_sums && crc32(file.subspan(at + 4, length + 4)) != big_endian(file, at + 8 + length, 4))
      throw Error(fmt::format("PNG: the checksum of chunk {} at byte {} is wrong", quote(type), at));
    at += overhead + length;
    if (type == "IEND") return file.first(at);
  }
}

namespace {

constexpr std::uint8_t huffman_tables = 0xc4, end_of_image = 0xd9, start_of_scan = 0xda, app1 = 0xe1, app14 = 0xee;

/// Start of a frame: C0 to CF but for the three of them that are something else.
bool is_frame(std::uint8_t marker) {
  return (marker & 0xf0) == 0xc0 && marker != huffman_tables && marker != 0xc8 && marker != 0xcc;
}

bool starts_with(std::span<const std::byte> segment, std::string_view text) {
  return segment.size() >= text.size() &&
         std::ranges::equal(segment.first(text.size()), std::as_bytes(std::span(text)));
}

/// The tag Orientation in the first directory of a TIFF structure; 1 when it is missing or makes no sense.
int tiff_orientation(std::span<const std::byte> tiff) {
  constexpr int upright = 1, most = 8;
  constexpr std::size_t header = 8, entry_size = 12;
  constexpr std::uint32_t orientation_tag = 0x0112;
  if (tiff.size() < header) return upright;
  const bool little = starts_with(tiff, "II");
  const auto number = [&](std::size_t at, int bytes) {
    if (!little) return big_endian(tiff, at, bytes);
    std::uint32_t value = 0;
    for (int i = bytes; i-- > 0;) value = value << 8 | byte_at(tiff, at + static_cast<std::size_t>(i));
    return value;
  };
  const std::size_t directory = number(4, 4);
  if (directory > tiff.size() || tiff.size() - directory < 2) return upright;
  const std::size_t entries = number(directory, 2), room = (tiff.size() - directory - 2) / entry_size;
  for (std::size_t i = 0; i < std::min(entries, room); ++i) {
    const std::size_t at = directory + 2 + i * entry_size;
    if (number(at, 2) != orientation_tag) continue;
    const auto value = static_cast<int>(number(at + 8, 2));
    return value >= upright && value <= most ? value : upright;
  }
  return upright;
}

/// Moves `at` behind the next marker and returns it. Like the decoder this passes over stray bytes; in a scan, where FF
/// 00 is data and FF D0 to FF D7 only separate intervals, also over those.
std::uint8_t next_marker(std::span<const std::byte> file, std::size_t& at, bool in_scan) {
  while (at + 1 < file.size()) {
    const bool prefix = byte_at(file, at++) == 0xff;
    const std::uint8_t marker = byte_at(file, at);
    const bool data = marker == 0 || (marker & 0xf8) == 0xd0;
    if (!prefix || marker == 0xff || (in_scan && data)) continue;
    ++at;
    return marker;
  }
  throw Error(fmt::format("JPEG: the file ends at byte {} without an end marker: it is truncated", file.size()));
}

/// The decoder trusts that a table has no more codes than there are symbols.
void check_huffman_tables(std::span<const std::byte> segment, std::size_t at) {
  constexpr std::size_t head = 17, symbols = 256;  // one byte of class and number, 16 counts
  for (std::size_t size = head; !segment.empty(); segment = segment.subspan(size), size = head) {
    for (std::size_t i = 1; i < std::min(head, segment.size()); ++i) size += byte_at(segment, i);
    if (size > head + symbols || size > segment.size())
      throw Error(fmt::format("JPEG: the Huffman tables at byte {} have more codes than symbols", at));
  }
}

}  // namespace

void check_jpeg(std::span<const std::byte> file) {
  constexpr int most_scans = 100;  // a few bytes each, but each costs a pass over the picture
  std::size_t at = 2;
  int scans = 0;
  bool four_colors = false, adobe = false;
  for (bool in_scan = false;;) {
    const std::uint8_t marker = next_marker(file, at, in_scan);
    if (marker == end_of_image) {
      if (scans == 0) throw Error(fmt::format("JPEG: the picture ends at byte {} before a scan", at));
      if (four_colors && !adobe)
        throw Error(
            "JPEG: four colours (CMYK) without an Adobe marker, so that nothing says which way they count; "
            "convert it to RGB");
      return;
    }
    const std::size_t length = file.size() - at < 2 ? 0 : big_endian(file, at, 2);
    if (length < 2 || length > file.size() - at)
      throw Error(fmt::format("JPEG: segment {:02x} at byte {} claims {} bytes; the file has {}", marker, at - 2,
                              length, file.size()));
    const auto segment = file.subspan(at + 2, length - 2);
    if (marker == huffman_tables) check_huffman_tables(segment, at - 2);
    if (is_frame(marker) && segment.size() > 5) four_colors |= byte_at(segment, 5) == 4;
    // Its last byte says how the four are meant: 0 CMYK, 2 YCCK.
    adobe |= marker == app14 && segment.size() >= 12 && starts_with(segment, "Adobe") &&
             (byte_at(segment, 11) == 0 || byte_at(segment, 11) == 2);
    in_scan = marker == start_of_scan;
    scans += in_scan;
    if (scans > most_scans) throw Error(fmt::format("JPEG: more than {} scans", most_scans));
    at += length;
  }
}

int exif_orientation(std::span<const std::byte> file) {
  constexpr int upright = 1;
  std::size_t at = 2;
  for (std::uint8_t marker = next_marker(file, at, false); marker != start_of_scan && marker != end_of_image;
       marker = next_marker(file, at, false)) {
    const auto segment = file.subspan(at + 2, big_endian(file, at, 2) - 2);
    constexpr std::string_view exif("Exif\0\0", 6);
    if (marker == app1 && starts_with(segment, exif)) return tiff_orientation(segment.subspan(exif.size()));
    at += 2 + segment.size();
  }
  return upright;
}

}  // namespace llsa::files

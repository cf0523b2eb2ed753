#include "datasets/image_integrity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "datasets/byte_source.hpp"
#include "llsa/error.hpp"

namespace llsa::datasets {
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

void check_png(std::span<const std::byte> file) {
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
    if (type != "IEND") continue;
    if (at != file.size()) throw Error(fmt::format("PNG: {} bytes follow IEND", file.size() - at));
    return;
  }
}

void check_jpeg(std::span<const std::byte> file) {
  std::size_t at = 2;
  for (bool scan = false; !scan;) {
    if (file.size() - at < 4) throw Error(fmt::format("JPEG: the file ends at byte {} before a scan", file.size()));
    if (byte_at(file, at) != 0xff) throw Error(fmt::format("JPEG: there is no marker at byte {}", at));
    const std::uint8_t marker = byte_at(file, at + 1);
    if (marker == 0xff) {  // padding before a marker
      ++at;
      continue;
    }
    const std::size_t length = big_endian(file, at + 2, 2);
    if (length < 2 || length > file.size() - at - 2)
      throw Error(fmt::format("JPEG: segment {:02x} at byte {} claims {} bytes; the file has {}", marker, at, length,
                              file.size()));
    scan = marker == 0xda;
    at += 2 + length;
  }
  constexpr std::array<std::uint8_t, 2> end_marker{0xff, 0xd9};
  if (std::ranges::search(file.subspan(at), std::as_bytes(std::span(end_marker))).empty())
    throw Error(fmt::format("JPEG: the file ends at byte {} without an end marker: it is truncated", file.size()));
}

}  // namespace llsa::datasets

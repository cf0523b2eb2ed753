#include "files/gzip.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

namespace llsa::files {

bool looks_like_gzip(const ByteSource& source) {
  std::array<std::byte, 2> start;
  if (source.size() < start.size()) return false;
  source.read(0, start);
  return start[0] == std::byte{0x1f} && start[1] == std::byte{0x8b};
}

std::vector<std::byte> gunzip(const ByteSource& source, std::uint64_t limit) {
  constexpr int any_window_gzip_only = 15 + 16;
  constexpr std::size_t chunk = 1 << 16;
  std::vector<std::byte> packed = source.read(0, source.size());
  if (packed.size() > std::numeric_limits<uInt>::max()) source.fail("is too large for a compressed file");
  z_stream stream{};
  if (inflateInit2(&stream, any_window_gzip_only) != Z_OK) source.fail("cannot be decompressed: out of memory");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ended(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  std::vector<std::byte> content;
  std::array<std::byte, chunk> part;
  while (true) {
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = static_cast<uInt>(part.size());
    const int state = inflate(&stream, Z_NO_FLUSH);
    const std::size_t made = part.size() - stream.avail_out;
    if (made > limit - content.size()) source.fail(fmt::format("holds more than the {} bytes that are allowed", limit));
    content.insert(content.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(made));
    if (state == Z_STREAM_END) {
      if (stream.avail_in == 0) return content;
      if (inflateReset(&stream) != Z_OK) source.fail("cannot be decompressed");
    } else if (state == Z_BUF_ERROR || (state == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)) {
      source.fail("is cut off within its compressed data");
    } else if (state != Z_OK) {
      source.fail(fmt::format("is damaged: {}", stream.msg != nullptr ? stream.msg : "not gzip"));
    }
  }
}

}  // namespace llsa::files

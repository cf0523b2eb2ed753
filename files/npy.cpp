#include "files/npy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "files/atomic_file.hpp"
#include "files/byte_source.hpp"
#include "files/foreign_format.hpp"
#include "files/npy_format.hpp"
#include "llsa/error.hpp"

namespace llsa::files {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

std::uint64_t little_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<std::uint64_t>(bytes[i]);
  return value;
}

}  // namespace

bool looks_like_npy(const ByteSource& source) {
  std::array<std::byte, magic.size()> start;
  if (source.size() < start.size()) return false;
  source.read(0, start);
  return std::ranges::equal(start, std::as_bytes(std::span(magic)));
}

NamedTensor parse_npy(const ByteSource& source, std::string tensor_name) {
  if (!looks_like_npy(source)) refuse_foreign(source);
  if (!looks_like_npy(source)) source.fail("not a .npy file: it must begin with \\x93NUMPY");
  const auto version = source.read(magic.size(), 2);
  const int major = static_cast<int>(version[0]), minor = static_cast<int>(version[1]);
  if (major < 1 || major > 3 || minor != 0)
    source.fail(fmt::format(".npy version {}.{}; 1.0, 2.0 and 3.0 are read", major, minor));
  const std::uint64_t header_at = magic.size() + 2 + (major == 1 ? 2 : 4);
  const std::uint64_t length = little_endian(source.read(magic.size() + 2, header_at - magic.size() - 2));
  if (source.size() < header_at || length > source.size() - header_at)
    source.fail(fmt::format("the header claims {} bytes from byte {}; the file has {} bytes", length, header_at,
                            source.size()));
  const auto text = source.read(header_at, length);
  const std::uint64_t data_at = header_at + length, present = source.size() - data_at;
  NpyHeader header;
  try {
    header = parse_npy_header({reinterpret_cast<const char*>(text.data()), text.size()});
    const std::size_t each = size_of(header.type);
    const std::uint64_t wanted = static_cast<std::uint64_t>(checked_element_count(header.shape, each)) * each;
    if (present != wanted)
      throw Error(fmt::format("{} bytes of data from byte {}; shape {} of {} takes {}", present, data_at,
                              describe_shape(header.shape), name_of(header.type), wanted));
  } catch (const Error& error) {
    source.fail(error.what());
  }
  return {std::move(tensor_name), header.type, std::move(header.shape), source.read(data_at, present)};
}

NamedTensor parse_npy(std::span<const std::byte> file, const std::string& name) {
  return parse_npy(*view_memory(file, name), std::filesystem::path(name).stem().string());
}

NamedTensor read_npy(const std::filesystem::path& path) { return parse_npy(*open_file(path), path.stem().string()); }

void write_npy(const std::filesystem::path& path, const NamedTensor& tensor) {
  std::string header;
  try {
    header = format_npy_header({tensor.type(), tensor.shape()});
  } catch (const Error& error) {
    throw Error(fmt::format("{}: {}", path.string(), error.what()));
  }
  constexpr std::size_t preamble = magic.size() + 4, alignment = 64;
  header.append((alignment - (preamble + header.size() + 1) % alignment) % alignment, ' ').push_back('\n');
  const std::array<char, 4> version_and_length = {1, 0, static_cast<char>(header.size() & 0xff),
                                                  static_cast<char>(header.size() >> 8)};
  AtomicFile file(path);
  file.write(magic);
  file.write(std::as_bytes(std::span(version_and_length)));
  file.write(header);
  file.write(tensor.bytes());
  file.commit();
}

}  // namespace llsa::files

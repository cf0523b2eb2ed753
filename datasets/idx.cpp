#include "datasets/idx.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "files/byte_source.hpp"
#include "files/gzip.hpp"
#include "files/tensor_file.hpp"
#include "llsa/error.hpp"

namespace llsa::datasets {
namespace {

IdxArray parse(const files::ByteSource& source, int rank) {
  const auto magic = source.read(0, 4);
  const auto byte = [&](std::size_t i) { return static_cast<int>(magic[i]); };
  if (byte(0) != 0 || byte(1) != 0) source.fail("not an IDX file: it must begin with two zero bytes");
  if (byte(2) != 8)
    source.fail(fmt::format("elements of type {:02x} at byte 2; it must be 08, unsigned bytes", byte(2)));
  if (byte(3) != rank) source.fail(fmt::format("{} extents at byte 3; it must be {}", byte(3), rank));
  IdxArray array;
  std::uint64_t offset = 4;
  for (int i = 0; i < rank; ++i, offset += 4) {
    std::int64_t extent = 0;
    for (const std::byte b : source.read(offset, 4)) extent = extent << 8 | static_cast<std::int64_t>(b);
    if (extent == 0) source.fail(fmt::format("extent {} at byte {} is 0; it must be at least 1", i, offset));
    array.shape.push_back(extent);
  }
  std::uint64_t wanted = 0;
  try {
    wanted = static_cast<std::uint64_t>(files::checked_element_count(array.shape));
  } catch (const Error& error) {
    source.fail(error.what());
  }
  if (source.size() - offset != wanted)
    source.fail(fmt::format("{} bytes of data from byte {}; shape {} takes {}", source.size() - offset, offset,
                            files::describe_shape(array.shape), wanted));
  const auto bytes = source.read(offset, wanted);
  array.values.resize(bytes.size());
  std::ranges::transform(bytes, array.values.begin(), [](std::byte b) { return static_cast<std::uint8_t>(b); });
  return array;
}

/// As published: MNIST comes as .gz.
IdxArray parse_any(const files::ByteSource& source, int rank) {
  constexpr std::uint64_t largest = std::uint64_t{1} << 32;
  if (!files::looks_like_gzip(source)) return parse(source, rank);
  const std::vector<std::byte> content = files::gunzip(source, largest);
  return parse(*files::view_memory(content, source.name()), rank);
}

}  // namespace

IdxArray read_idx(const std::filesystem::path& path, int rank) { return parse_any(*files::open_file(path), rank); }

IdxArray parse_idx(std::span<const std::byte> file, int rank, const std::string& name) {
  return parse_any(*files::view_memory(file, name), rank);
}

}  // namespace llsa::datasets

#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace llsa::datasets {

/// MNIST's file format, of unsigned bytes: extents, then elements in C order.
struct IdxArray {
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> values;
};

/// Reads a file, also one compressed with gzip, with elements of type unsigned byte (08) and `rank` extents, each at
/// least 1, that ends with the last element. Throws `Error`, one line that begins with the path.
IdxArray read_idx(const std::filesystem::path& path, int rank);

/// The same from memory; `name` stands for the path in messages.
IdxArray parse_idx(std::span<const std::byte> file, int rank, const std::string& name);

}  // namespace llsa::datasets

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "files/byte_source.hpp"
#include "files/tensor_file.hpp"

namespace llsa::files {

/// What the header of a .safetensors file says of one tensor; offsets count from the end of the header.
struct SafetensorsEntry {
  std::string name;
  std::optional<ElementType> type = ElementType::f32;  ///< none: a type of the format that is not read
  std::string type_name = {};                          ///< of a type that is not read
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;
};

/// Longer headers are refused, here and by the format's own library.
inline constexpr std::uint64_t max_safetensors_header = 100'000'000;

/// Reads the JSON; offsets are not yet held against the file. Throws `Error` that says what is wrong and where, without
/// the file's name.
SafetensorsHeader parse_safetensors_header(std::string_view json);
/// Throws `Error` when a name or a text is not UTF-8.
std::string format_safetensors_header(const SafetensorsHeader& header);

bool looks_like_safetensors(const ByteSource& source);
TensorFile parse_safetensors(const ByteSource& source);

}  // namespace llsa::files

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "files/byte_source.hpp"
#include "files/tensor_file.hpp"

namespace llsa::files {

/// What the header of a .npy file says.
struct NpyHeader {
  ElementType type = ElementType::f32;
  std::vector<std::int64_t> shape;
};

/// Reads the Python dictionary in a .npy header. Throws `Error` that says what is wrong and where, without the file's
/// name.
NpyHeader parse_npy_header(std::string_view text);
/// The dictionary as NumPy writes it, without padding. Throws `Error` for BF16.
std::string format_npy_header(const NpyHeader& header);

bool looks_like_npy(const ByteSource& source);
NamedTensor parse_npy(const ByteSource& source, std::string tensor_name);

}  // namespace llsa::files

#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "files/tensor_file.hpp"

namespace llsa::files {

/// Reads a NumPy array: format versions 1.0, 2.0 and 3.0; f2, f4, f8, i4, i8, and V2, as which NumPy
/// saves bfloat16; little-endian, C order; any rank to `max_rank`. The header must say nothing else and the file must
/// end with the last element. The tensor's name is the file's name without folder and extension. Throws `Error`, one
/// line that begins with the path.
NamedTensor read_npy(const std::filesystem::path& path);

/// The same from memory; `name` stands for the path in messages.
NamedTensor parse_npy(std::span<const std::byte> file, const std::string& name);

/// Writes format version 1.0 as NumPy does (data aligned to 64 bytes), to a temporary file that is renamed when
/// complete. Throws `Error` for BF16, which the format lacks, and when the file cannot be written; `path` is untouched
/// then.
void write_npy(const std::filesystem::path& path, const NamedTensor& tensor);

}  // namespace llsa::files

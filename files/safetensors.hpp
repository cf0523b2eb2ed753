#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "files/tensor_file.hpp"

namespace llsa::files {

/// Reads a .safetensors file with F16, BF16, F32, F64, I32 and I64 tensors and `__metadata__`. Tensors come in the
/// order of their data. Those of the format's other types are passed over unread (`TensorFile::unread`). Offsets must
/// cover the data exactly, without holes or overlaps; names must be distinct. Throws `Error`, one line that begins with
/// the path.
TensorFile read_safetensors(const std::filesystem::path& path);

/// The `__metadata__` of a file, without reading its tensors. Empty for whatever cannot be read as a .safetensors file:
/// who reads it next says what is wrong with it.
std::map<std::string, std::string> read_safetensors_metadata(const std::filesystem::path& path);

/// The names of a file's tensors in the order of their data, without reading them; empty likewise.
std::vector<std::string> read_safetensors_names(const std::filesystem::path& path);

/// `read_safetensors` from memory; `name` stands for the path in messages.
TensorFile parse_safetensors(std::span<const std::byte> file, const std::string& name);

/// Writes to a temporary file that is renamed when complete. Wider element types come first, so that all are aligned,
/// otherwise tensors keep their order; equal input gives equal bytes. Throws `Error` for names that are repeated,
/// reserved
/// (`__metadata__`) or not UTF-8, and when the file cannot be written; `path` is untouched then.
void write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata = {});
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace llsa::files

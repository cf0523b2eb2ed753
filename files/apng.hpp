#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "files/image.hpp"

namespace llsa::files {

/// An animated PNG (APNG 1.0) that begins again for ever, each picture shown for `milliseconds`. Programs that know
/// nothing of animation show the first picture. Throws `Error` when there is no picture, or they differ in size.
std::vector<std::byte> encode_apng(std::span<const Image> pictures, int milliseconds);

/// Writes it to a temporary file that is renamed when complete. Throws `Error`; `path` is untouched then.
void write_apng(const std::filesystem::path& path, std::span<const Image> pictures, int milliseconds);

}  // namespace llsa::files

#pragma once

#include <cstddef>
#include <span>

namespace llsa::files {

/// What the decoder does not look at. Each throws `Error` without the file's name.
/// PNG: chunks lie within the file up to IEND, which is the last, and have the checksums they claim.
void check_png(std::span<const std::byte> file);
/// JPEG: segments lie within the file up to an end marker, Huffman tables are possible, and scans are not too many.
void check_jpeg(std::span<const std::byte> file);

bool is_png(std::span<const std::byte> file);
bool is_jpeg(std::span<const std::byte> file);

}  // namespace llsa::files

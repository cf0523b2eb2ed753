#pragma once

#include <cstddef>
#include <span>

namespace llsa::files {

/// What the decoder does not look at. Each throws `Error` without the file's name.
/// PNG: chunks lie within the file up to IEND and have the checksums they claim. What follows IEND is nobody's
/// business: cameras and editors put things there. Returns the picture alone.
std::span<const std::byte> check_png(std::span<const std::byte> file);
/// JPEG: segments lie within the file up to an end marker, Huffman tables are possible, scans are not too many, and
/// four colours come with an Adobe marker: without one nothing says whether 0 is ink or paper.
void check_jpeg(std::span<const std::byte> file);

/// How a JPEG is to be turned, as its EXIF segment says: 1 to 8, and 1 where it says nothing that can be understood.
/// `file` has passed `check_jpeg`.
int exif_orientation(std::span<const std::byte> file);

bool is_png(std::span<const std::byte> file);
bool is_jpeg(std::span<const std::byte> file);

}  // namespace llsa::files

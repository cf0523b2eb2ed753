#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "files/image.hpp"

namespace llsa::files {

/// An animated PNG (APNG 1.0) that begins again for ever, each picture shown for `milliseconds`. Programs that know
/// nothing of animation show the first picture. Throws `Error` when there is no picture, or they differ in size.
std::vector<std::byte> encode_apng(std::span<const Image> pictures, int milliseconds);

/// Writes it to a temporary file that is renamed when complete. Throws `Error`; `path` is untouched then.
void write_apng(const std::filesystem::path& path, std::span<const Image> pictures, int milliseconds);

/// The frames of an animated PNG; of any other picture that `read_image` reads, that picture. Every frame must replace
/// the whole picture, as in files that `write_apng` wrote. Throws `Error`, one line that begins with the path; also
/// when all frames together have more than `max_image_pixels`.
std::vector<Image> read_frames(const std::filesystem::path& path);

/// The same from memory; `name` stands for the path in messages.
std::vector<Image> parse_frames(std::span<const std::byte> file, const std::string& name);

}  // namespace llsa::files

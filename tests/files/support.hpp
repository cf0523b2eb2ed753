#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "files/image.hpp"
#include "files/tensor_file.hpp"
#include "llsa/error.hpp"
#include "support/temporary_folder.hpp"

namespace llsa::files::testing {

using room::read_text;
using room::TemporaryFolder;
using room::write_text;

inline std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

/// The message that `act` throws with, or "nothing was thrown".
template <class Act>
std::string error_of(Act act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// The low `count` bytes of a number, least significant first, or most significant first.
std::string little(std::uint64_t value, int count);
std::string big(std::uint64_t value, int count);

/// A .npy file around any dictionary text (a newline is added), with a length that tells the truth.
std::string npy_file(const std::string& dictionary, const std::string& data, int major = 1);
/// A .safetensors file around any header text.
std::string safetensors_file(const std::string& header, const std::string& data);
/// PNG with stored (not compressed) rows, each without its filter byte.
std::string png_file(std::uint32_t width, std::uint32_t height, int depth, int color_type,
                     const std::vector<std::string>& rows, const std::string& more_chunks = "");
std::string png_chunk(const std::string& type, const std::string& data);

/// A folder of the seeds that the fuzz targets begin from.
std::vector<std::filesystem::path> corpus(const std::string& reader);

/// Every pixel the same colour.
Image flat(int width, int height, std::uint8_t r, std::uint8_t g, std::uint8_t b);
/// Any bytes.
Image noise(int width, int height, std::uint32_t seed);

}  // namespace llsa::files::testing

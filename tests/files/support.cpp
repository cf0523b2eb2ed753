#include "support.hpp"

#include <algorithm>
#include <random>

namespace llsa::files::testing {

namespace fs = std::filesystem;

std::string little(std::uint64_t value, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) result += static_cast<char>(value >> (8 * i) & 0xff);
  return result;
}

std::string big(std::uint64_t value, int count) {
  std::string result = little(value, count);
  std::ranges::reverse(result);
  return result;
}

std::string npy_file(const std::string& dictionary, const std::string& data, int major) {
  const std::string header = dictionary + "\n";
  return "\x93NUMPY" + little(static_cast<std::uint64_t>(major), 2) + little(header.size(), major == 1 ? 2 : 4) +
         header + data;
}

std::string safetensors_file(const std::string& header, const std::string& data) {
  return little(header.size(), 8) + header + data;
}

std::string png_chunk(const std::string& type, const std::string& data) {
  std::uint32_t crc = ~0u;
  for (const char c : type + data) {
    crc ^= static_cast<std::uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc % 2 == 1 ? crc / 2 ^ 0xedb88320u : crc / 2;
  }
  return big(data.size(), 4) + type + data + big(~crc, 4);
}

std::string png_file(std::uint32_t width, std::uint32_t height, int depth, int color_type,
                     const std::vector<std::string>& rows, const std::string& more_chunks) {
  std::string raw;
  for (const std::string& row : rows) raw += '\0' + row;
  std::uint32_t a = 1, b = 0;
  for (const char c : raw) {
    a = (a + static_cast<std::uint8_t>(c)) % 65521;
    b = (b + a) % 65521;
  }
  const std::string stored =
      "\x78\x01\x01" + little(raw.size(), 2) + little(~raw.size(), 2) + raw + big(b << 16 | a, 4);
  return "\x89PNG\r\n\x1a\n" +
         png_chunk("IHDR", big(width, 4) + big(height, 4) + static_cast<char>(depth) + static_cast<char>(color_type) +
                               std::string(3, '\0')) +
         more_chunks + png_chunk("IDAT", stored) + png_chunk("IEND", "");
}

std::vector<fs::path> corpus(const std::string& reader) {
  std::vector<fs::path> result;
  for (const char* part : {"files", "datasets"}) {
    const fs::path folder = fs::path(LLSA_SOURCE_FOLDER) / part / "fuzz/corpus" / reader;
    if (!fs::is_directory(folder)) continue;
    for (const auto& entry : fs::directory_iterator(folder)) result.push_back(entry);
  }
  std::ranges::sort(result);
  return result;
}

Image flat(int width, int height, std::uint8_t r, std::uint8_t g, std::uint8_t b) {
  Image image(width, height);
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    image.rgb[i] = r;
    image.rgb[i + 1] = g;
    image.rgb[i + 2] = b;
  }
  return image;
}

Image noise(int width, int height, std::uint32_t seed) {
  Image image(width, height);
  std::mt19937 random(seed);
  std::ranges::generate(image.rgb, [&] { return static_cast<std::uint8_t>(random() >> 24); });
  return image;
}

}  // namespace llsa::files::testing

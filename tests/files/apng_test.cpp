#include "files/apng.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

#include "llsa/error.hpp"
#include "support/temporary_folder.hpp"

namespace llsa::files {
namespace {

Image picture(int width, int height, int seed) {
  Image image(width, height);
  for (std::size_t i = 0; i < image.rgb.size(); ++i)
    image.rgb[i] = static_cast<std::uint8_t>(i * 31 + static_cast<std::size_t>(seed) * 57);
  return image;
}

std::uint32_t number(std::string_view bytes, std::size_t at, int count = 4) {
  std::uint32_t value = 0;
  for (int i = 0; i < count; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + static_cast<std::size_t>(i)]);
  return value;
}

struct Chunk {
  std::string name, content;
};

std::vector<Chunk> chunks_of(const std::vector<std::byte>& file) {
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  std::vector<Chunk> chunks;
  for (std::size_t at = 8; at < bytes.size();) {
    const std::uint32_t length = number(bytes, at);
    const std::string_view body = bytes.substr(at + 4, length + 4);
    EXPECT_EQ(number(bytes, at + 8 + length),
              crc32(0, reinterpret_cast<const unsigned char*>(body.data()), length + 4));
    chunks.push_back({std::string(body.substr(0, 4)), std::string(body.substr(4))});
    at += length + 12;
  }
  return chunks;
}

/// A PNG of one frame: the animation's header, that frame's data, an end.
std::vector<std::byte> still(const std::vector<Chunk>& chunks, const std::string& data) {
  std::string file = "\x89PNG\r\n\x1a\n";
  const auto add = [&](const std::string& name, const std::string& content) {
    const std::string body = name + content;
    const auto bytes = [&](std::uint32_t value) {
      for (int shift = 24; shift >= 0; shift -= 8) file.push_back(static_cast<char>(value >> shift));
    };
    bytes(static_cast<std::uint32_t>(content.size()));
    file += body;
    bytes(static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const unsigned char*>(body.data()), static_cast<unsigned>(body.size()))));
  };
  add("IHDR", chunks.front().content);
  add("IDAT", data);
  add("IEND", "");
  const auto* begin = reinterpret_cast<const std::byte*>(file.data());
  return {begin, begin + file.size()};
}

TEST(Apng, holds_every_picture_in_order_and_each_can_be_read) {
  const std::vector<Image> pictures = {picture(7, 5, 1), picture(7, 5, 2), picture(7, 5, 3)};
  const std::vector<std::byte> file = encode_apng(pictures, 250);
  const std::vector<Chunk> chunks = chunks_of(file);
  std::string names;
  for (const Chunk& chunk : chunks) names += chunk.name + " ";
  EXPECT_EQ(names, "IHDR acTL fcTL IDAT fcTL fdAT fcTL fdAT IEND ");
  EXPECT_EQ(number(chunks[1].content, 0), 3u);
  EXPECT_EQ(number(chunks[1].content, 4), 0u) << "for ever";
  std::uint32_t sequence = 0;
  std::size_t frame = 0;
  for (const Chunk& chunk : chunks) {
    if (chunk.name == "fcTL") {
      ASSERT_EQ(chunk.content.size(), 26u);
      EXPECT_EQ(number(chunk.content, 0), sequence++);
      EXPECT_EQ(number(chunk.content, 4), 7u);
      EXPECT_EQ(number(chunk.content, 8), 5u);
      EXPECT_EQ(number(chunk.content, 12) + number(chunk.content, 16), 0u);
      EXPECT_EQ(number(chunk.content, 20, 2), 250u);
      EXPECT_EQ(number(chunk.content, 22, 2), 1000u);
      EXPECT_EQ(number(chunk.content, 24, 2), 0u);
    }
    if (chunk.name == "fdAT") {
      EXPECT_EQ(number(chunk.content, 0), sequence++);
    }
    if (chunk.name == "IDAT" || chunk.name == "fdAT") {
      const std::string data = chunk.name == "IDAT" ? chunk.content : chunk.content.substr(4);
      EXPECT_EQ(parse_image(still(chunks, data), "frame"), pictures[frame]) << frame;
      ++frame;
    }
  }
  EXPECT_EQ(frame, 3u);
}

TEST(Apng, is_written_whole_and_shows_its_first_picture_to_readers_of_stills) {
  const room::TemporaryFolder folder;
  const std::vector<Image> pictures = {picture(4, 3, 1), picture(4, 3, 2)};
  write_apng(folder / "a.png", pictures, 100);
  EXPECT_EQ(read_image(folder / "a.png"), pictures[0]);
}

TEST(Apng, refuses_nothing_and_pictures_of_other_sizes) {
  EXPECT_THROW(encode_apng({}, 100), Error);
  for (const Image& other : {picture(5, 3, 1), picture(4, 2, 1)}) {
    const std::vector<Image> pictures = {picture(4, 3, 1), other};
    EXPECT_THROW(encode_apng(pictures, 100), Error);
  }
}

TEST(Apng, is_read_back_frame_by_frame) {
  const room::TemporaryFolder folder;
  const std::vector<Image> frames = {picture(5, 3, 1), picture(5, 3, 2), picture(5, 3, 3)};
  write_apng(folder / "a.png", frames, 40);
  EXPECT_EQ(read_frames(folder / "a.png"), frames);
  write_png(folder / "b.png", frames[1]);
  EXPECT_EQ(read_frames(folder / "b.png"), std::vector{frames[1]});
}

TEST(Apng, that_is_no_row_of_whole_pictures_is_refused) {
  const std::vector<Image> frames = {picture(5, 3, 1), picture(5, 3, 2)};
  const auto refusal = [](const std::vector<std::byte>& file) -> std::string {
    try {
      parse_frames(file, "x.png");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  // The file with one byte of the second frame's control changed, its checksum put right.
  const auto with = [&](std::size_t byte, char value) {
    const std::vector<std::byte> file = encode_apng(frames, 40);
    std::string bytes(reinterpret_cast<const char*>(file.data()), file.size());
    const std::size_t at = bytes.rfind("fcTL");
    bytes[at + 4 + byte] = value;
    const auto crc = static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const unsigned char*>(&bytes[at]), 30));
    for (std::size_t i = 0; i < 4; ++i) bytes[at + 30 + i] = static_cast<char>(crc >> (24 - 8 * i));
    const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
    return std::vector<std::byte>(begin, begin + bytes.size());
  };
  EXPECT_EQ(refusal(with(3, 1)), "") << "the sequence number is not looked at";
  const std::string part =
      "x.png: has a frame that is laid over a part of the one before; every frame must be a whole picture";
  EXPECT_EQ(refusal(with(7, 4)), part) << "width";
  EXPECT_EQ(refusal(with(15, 1)), part) << "left";
  EXPECT_EQ(refusal(with(25, 1)), part) << "blended";
  const std::vector<std::byte> whole = encode_apng(frames, 40);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<std::byte> begin(whole.begin(), whole.begin() + std::ptrdiff_t(size));
    EXPECT_EQ(refusal(begin).find("x.png: "), 0u) << size;
  }
}

}  // namespace
}  // namespace llsa::files

#include <gtest/gtest.h>

#include <cmath>

#include "files/image.hpp"
#include "support.hpp"
#include "tensor_generators.hpp"

namespace llsa::files {
namespace {

using namespace testing;

std::filesystem::path image_corpus() { return std::filesystem::path(LLSA_SOURCE_FOLDER) / "files/fuzz/corpus/image"; }

Image parse(const std::string& file) { return parse_image(bytes_of(file), "x"); }
std::string refusal(const std::string& file) {
  return error_of([&] { parse(file); });
}
using Bytes = std::vector<std::uint8_t>;

RC_GTEST_PROP(ImageFile, a_png_written_is_read_back_exactly, ()) {
  static const TemporaryFolder folder;
  const Image image = noise(*rc::gen::inRange(1, 40), *rc::gen::inRange(1, 40), *rc::gen::arbitrary<std::uint32_t>());
  write_png(folder / "x.png", image);
  RC_ASSERT(read_image(folder / "x.png") == image);
  RC_ASSERT(parse_image(encode_png(image), "x") == image);
  RC_ASSERT(folder.names() == std::vector<std::string>{"x.png"});
}

TEST(ImageFile, grey_becomes_three_equal_channels) {
  EXPECT_EQ(parse(png_file(2, 1, 8, 0, {"\x07\xc8"})).rgb, (Bytes{7, 7, 7, 200, 200, 200}));
  EXPECT_EQ(parse(png_file(2, 1, 1, 0, {"\x40"})).rgb, (Bytes{0, 0, 0, 255, 255, 255}));
}

TEST(ImageFile, rows_and_channels_keep_their_order) {
  EXPECT_EQ(parse(png_file(2, 2, 8, 2, {"\x01\x02\x03\x04\x05\x06", "\x07\x08\x09\x0a\x0b\x0c"})).rgb,
            (Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
}

TEST(ImageFile, sixteen_bits_are_cut_to_the_upper_eight) {
  EXPECT_EQ(parse(png_file(1, 1, 16, 2, {"\x12\xff\x34\x01\xff\xff"})).rgb, (Bytes{0x12, 0x34, 0xff}));
  EXPECT_EQ(parse(png_file(1, 1, 16, 0, {"\x80\xff"})).rgb, (Bytes{0x80, 0x80, 0x80}));
}

TEST(ImageFile, transparent_pixels_are_laid_over_white) {
  const std::string row = {'\x0a', '\x14', '\x1e', '\xff', '\x0a', '\x14',
                           '\x1e', '\x00', '\x00', '\x64', '\xff', '\x33'};
  EXPECT_EQ(parse(png_file(3, 1, 8, 6, {row})).rgb, (Bytes{10, 20, 30, 255, 255, 255, 204, 224, 255}));
  EXPECT_EQ(parse(png_file(1, 1, 8, 4, {"\x64\x33"})).rgb, (Bytes{224, 224, 224}));
  EXPECT_EQ(parse(png_file(1, 1, 8, 4, {"\x0a\xc8"})).rgb, (Bytes{63, 63, 63})) << "62.84, rounded";
}

TEST(ImageFile, a_palette_is_looked_up) {
  const std::string palette = png_chunk("PLTE", "\x01\x02\x03\x04\x05\x06");
  EXPECT_EQ(parse(png_file(3, 1, 8, 3, {std::string("\x01\x00\x01", 3)}, palette)).rgb,
            (Bytes{4, 5, 6, 1, 2, 3, 4, 5, 6}));
}

TEST(ImageFile, jpegs_are_read_baseline_progressive_and_grey) {
  for (const char* name : {"yuv420.jpg", "progressive.jpg"}) {
    const Image image = parse(read_text(image_corpus() / name));
    ASSERT_EQ(image.width, 20);
    ASSERT_EQ(image.height, 17);
    double worst = 0;
    for (int y = 0; y < 17; ++y)
      for (int x = 0; x < 20; ++x) {
        worst = std::max(worst, std::abs(image.pixel(x, y)[0] - 12.0 * x));
        worst = std::max(worst, std::abs(image.pixel(x, y)[1] - 15.0 * y));
        worst = std::max(worst, std::abs(image.pixel(x, y)[2] - 128.0));
      }
    EXPECT_LT(worst, 32) << name;
  }
  const Image grey = parse(read_text(image_corpus() / "grey_restart.jpg"));
  EXPECT_EQ(grey.pixel(3, 4)[0], grey.pixel(3, 4)[2]);
}

TEST(ImageFile, every_malformed_picture_is_refused_with_one_line) {
  const std::string good = png_file(1, 1, 8, 0, {"\x01"}), jpeg = "\xff\xd8\xff";
  EXPECT_EQ(refusal(""), "x: neither PNG nor JPEG");
  EXPECT_EQ(refusal("GIF89a"), "x: neither PNG nor JPEG");
  EXPECT_EQ(refusal(good.substr(0, 10)), "x: PNG: the file ends at byte 10 without IEND");
  EXPECT_EQ(refusal(good.substr(0, good.size() - 12)), "x: PNG: the file ends at byte 58 without IEND");
  EXPECT_EQ(refusal(good + "more"), "x: PNG: 4 bytes follow IEND");
  EXPECT_EQ(refusal(std::string(good).replace(8, 4, big(1000, 4))),
            "x: PNG: chunk 'IHDR' at byte 8 claims 1000 bytes; the file has 70");
  EXPECT_EQ(refusal(std::string(good).replace(8, 4, "\xff\xff\xff\xff")),
            "x: PNG: chunk 'IHDR' at byte 8 claims 4294967295 bytes; the file has 70");
  EXPECT_EQ(refusal(std::string(good).replace(20, 1, "\x02")),
            "x: PNG: the checksum of chunk 'IHDR' at byte 8 is wrong");
  EXPECT_EQ(refusal(png_file(1, 1, 8, 5, {"\x01"})).substr(0, 22), "x: cannot be decoded: ");
  EXPECT_EQ(refusal(png_file(3, 3, 8, 2, {"\x01"})).substr(0, 22), "x: cannot be decoded: ");
  EXPECT_EQ(refusal(png_file(0, 1, 8, 0, {})).substr(0, 22), "x: cannot be decoded: ");
  const auto truncated = [](int size) {
    return "x: JPEG: the file ends at byte " + std::to_string(size) + " without an end marker: it is truncated";
  };
  EXPECT_EQ(refusal(jpeg), truncated(3));
  EXPECT_EQ(refusal(jpeg + "\xe0" + big(2, 2) + "abcd"), truncated(10));
  EXPECT_EQ(refusal(jpeg + "\xda" + big(2, 2) + "ab\xff\xd0" + std::string("\xff\0", 2)), truncated(12));
  EXPECT_EQ(refusal(jpeg + "\xe0" + big(100, 2) + "abc"),
            "x: JPEG: segment e0 at byte 2 claims 100 bytes; the file has 9");
  EXPECT_EQ(refusal(jpeg + "\xe0" + big(1, 2)), "x: JPEG: segment e0 at byte 2 claims 1 bytes; the file has 6");
  EXPECT_EQ(refusal(jpeg + "\xd9"), "x: JPEG: the picture ends at byte 4 before a scan");
  EXPECT_EQ(refusal(jpeg + "\xff\xda" + big(2, 2) + "\xff\xd9").substr(0, 22), "x: cannot be decoded: ");
  const std::string table = jpeg + "\xc4" + big(19, 2) + '\0',
                    tables = "x: JPEG: the Huffman tables at byte 2 have more codes than symbols";
  EXPECT_EQ(refusal(table + std::string(15, '\0') + "\x01"), tables);
  EXPECT_EQ(refusal(jpeg + "\xc4" + big(19 + 257, 2) + '\0' + std::string("\xff\x02", 2) + std::string(14 + 257, '\0')),
            tables);
  EXPECT_EQ(refusal(table + std::string(16, '\0')), truncated(23));
  std::string scans = "\xff\xd8";
  for (int i = 0; i < 101; ++i) scans += "\xff\xda" + big(2, 2);
  EXPECT_EQ(refusal(scans), "x: JPEG: more than 100 scans");
}

TEST(ImageFile, a_huge_picture_is_refused_before_its_memory_is_taken) {
  EXPECT_EQ(refusal(png_file(8193, 8192, 8, 0, {"\x01"})),
            "x: a picture of 8193 x 8192 pixels; at most 67108864 pixels are allowed");
  EXPECT_EQ(error_of([] { Image(8193, 8192); }),
            "a picture of 8193 x 8192 pixels; at most 67108864 pixels are allowed");
  EXPECT_EQ(error_of([] { Image(0, 1); }), "a picture of 0 x 1 pixels; both must be at least 1");
}

TEST(ImageFile, a_small_picture_that_inflates_to_far_more_than_it_needs_is_refused) {
  std::vector<std::string> rows(40, std::string(60'000, '\0'));
  std::string file;
  // Stored blocks hold 65,535 bytes at most, so the rows come as many blocks of one stream.
  std::string stream = "\x78\x01";
  for (std::size_t i = 0; i < rows.size(); ++i)
    stream += std::string(1, i + 1 == rows.size()) + little(60'000, 2) + little(~60'000ull, 2) + rows[i];
  stream += "\0\0\0\1";
  file = "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", big(1, 4) + big(1, 4) + std::string("\x08\x00\x00\x00\x00", 5)) +
         png_chunk("IDAT", stream) + png_chunk("IEND", "");
  EXPECT_EQ(refusal(file), "x: cannot be decoded: outofmem");
}

TEST(ImageFile, what_cannot_be_encoded_or_written_is_an_error) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([] { encode_png(Image()); }), "a picture's extents do not belong to its pixels");
  Image broken(2, 2);
  broken.width = 3;
  EXPECT_EQ(error_of([&] { write_png(folder / "x.png", broken); }), "a picture's extents do not belong to its pixels");
  EXPECT_TRUE(folder.names().empty());
  EXPECT_EQ(error_of([&] { write_png(folder / "no/x.png", Image(1, 1)); }),
            (folder / "no/x.png").string() + ": cannot be created: No such file or directory");
}

}  // namespace
}  // namespace llsa::files

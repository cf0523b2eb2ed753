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
  EXPECT_EQ(refusal("GIF89a"), "x: is a GIF picture; save it as PNG or JPEG");
  EXPECT_EQ(refusal("RIFF????WEBPVP8 "), "x: is a WebP picture; save it as PNG or JPEG");
  EXPECT_EQ(refusal(good.substr(0, 10)), "x: PNG: the file ends at byte 10 without IEND");
  EXPECT_EQ(refusal(good.substr(0, good.size() - 12)), "x: PNG: the file ends at byte 58 without IEND");
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

TEST(ImageFile, bytes_after_the_end_of_a_png_are_passed_over) {
  const std::string good = png_file(2, 1, 8, 0, {"\x07\xc8"});
  EXPECT_EQ(parse(good + "more"), parse(good));
  EXPECT_EQ(parse(good + good + std::string(100, '\xff')), parse(good));
}

/// A JPEG with a segment put behind its first two bytes.
std::string with_segment(const std::string& jpeg, const std::string& marker, const std::string& content) {
  return jpeg.substr(0, 2) + marker + big(content.size() + 2, 2) + content + jpeg.substr(2);
}

TEST(ImageFile, a_jpeg_lies_as_its_exif_orientation_says) {
  const std::string plain = read_text(image_corpus() / "yuv420.jpg");
  const Image upright = parse(plain);
  const auto number = [](bool little_endian, std::uint64_t value, int bytes) {
    return little_endian ? little(value, bytes) : big(value, bytes);
  };
  for (const bool order : {true, false})
    for (int orientation = 0; orientation <= 9; ++orientation) {
      const auto n = [&](std::uint64_t value, int bytes) { return number(order, value, bytes); };
      const std::string other_entry = n(0x010f, 2) + n(2, 2) + n(1, 4) + n(7, 4),
                        entry =
                            n(0x0112, 2) + n(3, 2) + n(1, 4) + n(static_cast<std::uint64_t>(orientation), 2) + n(0, 2);
      const std::string exif = std::string("Exif\0\0", 6) + (order ? "II" : "MM") + n(42, 2) + n(8, 4) + n(2, 2) +
                               other_entry + entry + n(0, 4);
      const bool known = orientation >= 1 && orientation <= 8;
      EXPECT_EQ(parse(with_segment(plain, "\xff\xe1", exif)), oriented(upright, known ? orientation : 1))
          << orientation;
      for (std::size_t length = 0; length < exif.size(); ++length)  // cut off anywhere: upright, or what it said
        parse(with_segment(plain, "\xff\xe1", exif.substr(0, length)));
    }
}

TEST(ImageFile, orientations_are_those_of_the_exif_standard) {
  // Two columns and three rows, by letters; what the standard calls rows and columns of the picture that is seen.
  const std::string stored = "abcdef",
                    seen[] = {"abcdef", "badcfe", "fedcba", "efcdab", "acebdf", "ecafdb", "fdbeca", "bdface"};
  Image image(2, 3);
  for (std::size_t i = 0; i < 6; ++i) image.rgb[3 * i] = static_cast<std::uint8_t>(stored[i]);
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Image result = oriented(image, orientation);
    EXPECT_EQ(result.width, orientation >= 5 ? 3 : 2);
    std::string letters;
    for (std::size_t i = 0; i < 6; ++i) letters += static_cast<char>(result.rgb[3 * i]);
    EXPECT_EQ(letters, seen[orientation - 1]) << orientation;
  }
  EXPECT_THROW(oriented(image, 0), Error);
  EXPECT_THROW(oriented(image, 9), Error);
}

TEST(ImageFile, four_colours_without_an_adobe_marker_are_refused_and_with_one_they_are_read) {
  // A baseline JPEG of 8 x 8 pixels and four components, every coefficient 0: each component is 128 throughout.
  const std::string four = "\xff\xc0" + big(8 + 3 * 4, 2) + "\x08" + big(8, 2) + big(8, 2) + "\x04";
  std::string frame = four;
  for (char c = 1; c <= 4; ++c) frame += std::string{c, '\x11', '\0'};
  std::string scan = "\xff\xda" + big(6 + 2 * 4, 2) + "\x04";
  for (char c = 1; c <= 4; ++c) scan += std::string{c, '\0'};
  scan += std::string("\0\x3f\0", 3);
  // One code of one bit: no difference, and the end of the block. Four components, two bits each.
  const std::string one_code = std::string("\x01", 1) + std::string(15, '\0') + std::string(1, '\0');
  const std::string tables = "\xff\xdb" + big(67, 2) + std::string(1, '\0') + std::string(64, '\x01') + "\xff\xc4" +
                             big(2 + 18, 2) + std::string(1, '\0') + one_code + "\xff\xc4" + big(2 + 18, 2) + "\x10" +
                             one_code;
  const std::string jpeg = "\xff\xd8" + tables + frame + scan + std::string(1, '\0') + "\xff\xd9";
  EXPECT_EQ(refusal(jpeg),
            "x: JPEG: four colours (CMYK) without an Adobe marker, so that nothing says which way they "
            "count; convert it to RGB");
  const std::string adobe = "Adobe" + std::string("\0\x64\0\0\0\0", 6);
  const Image image = parse(with_segment(jpeg, "\xff\xee", adobe + std::string(1, '\0')));
  EXPECT_EQ(image.width, 8);
  EXPECT_EQ(image.pixel(3, 3)[0], 64) << "128 of 255 of 128";
  EXPECT_NE(refusal(with_segment(jpeg, "\xff\xee", adobe + "\x01")), "nothing was thrown") << "not a kind of four";
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

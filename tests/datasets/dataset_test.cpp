#include "datasets/dataset.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include "../files/support.hpp"
#include "datasets/idx.hpp"
#include "datasets/procedural.hpp"

namespace llsa::datasets {
namespace {

using namespace files::testing;
using files::square;

/// One CIFAR-10 record: every red value, then every green, then every blue.
std::string record(int label, char r, char g, char b) {
  return static_cast<char>(label) + std::string(1024, r) + std::string(1024, g) + std::string(1024, b);
}

TEST(Shapes, items_are_the_generated_pictures_with_their_labels) {
  const auto set = open_shapes(25, 9);
  EXPECT_EQ(set->size(), 25);
  EXPECT_EQ(set->classes().size(), shape_classes().size());
  const Sample sample = set->item(13, square(20));
  EXPECT_EQ(sample.image(), shape_picture(square(20), 9, 13));
  EXPECT_EQ(sample.label, shape_label(13));
  EXPECT_EQ(set->source(13), "shapes:9 item 13");
  EXPECT_EQ(error_of([&] { set->item(25, square(20)); }), "item 25 of a data set; it must be 0 to 24");
  EXPECT_EQ(error_of([&] { set->item(-1, square(20)); }), "item -1 of a data set; it must be 0 to 24");
  EXPECT_EQ(error_of([&] { set->item(0, square(0)); }), "a data set of 0 x 0 pixels; every extent must be at least 1");
  EXPECT_EQ(error_of([] { open_shapes(0, 1); }),
            "a data set of 0 generated pictures (shapes); it must have at least 1");
}

TEST(Cifar10, batches_are_read_in_order_plane_by_plane) {
  const TemporaryFolder folder;
  std::string first = record(3, 1, 2, 3);
  first[1 + 33] = '\x64';           // red of row 1, column 1
  first[1 + 2048 + 1023] = '\xc8';  // blue of the last pixel
  write_text(folder / "data_batch_1.bin", first + record(9, 4, 5, 6));
  write_text(folder / "data_batch_3.bin", record(0, 7, 8, 9));
  write_text(folder / "test_batch.bin", record(5, 10, 11, 12));
  const auto train = open_cifar10(folder.path(), Split::train);
  ASSERT_EQ(train->size(), 3);
  EXPECT_EQ(train->classes()[9], "truck");
  const Sample sample = train->item(0, square(32));
  EXPECT_EQ(sample.label, 3);
  EXPECT_EQ(sample.image().pixel(1, 1)[0], 100);
  EXPECT_EQ(sample.image().pixel(31, 31)[2], 200);
  EXPECT_EQ(sample.image().pixel(0, 0)[1], 2);
  EXPECT_EQ(train->item(1, square(32)).image(), flat(32, 32, 4, 5, 6));
  EXPECT_EQ(train->item(1, square(32)).label, 9);
  EXPECT_EQ(train->item(2, square(8)).image(), flat(8, 8, 7, 8, 9));
  EXPECT_EQ(train->source(2), (folder / "data_batch_3.bin").string() + " record 0");
  EXPECT_EQ(open_cifar10(folder.path(), Split::test)->item(0, square(32)).label, 5);
}

TEST(Cifar10, malformed_files_are_refused) {
  const TemporaryFolder folder;
  const auto refusal = [&](Split split = Split::train) {
    return error_of([&] { open_cifar10(folder.path(), split); });
  };
  const std::string batch = (folder / "data_batch_1.bin").string();
  EXPECT_EQ(refusal(), folder.path().string() + ": there is no data_batch_1.bin to data_batch_5.bin");
  EXPECT_EQ(refusal(Split::test),
            (folder / "test_batch.bin").string() + ": cannot be opened: No such file or directory");
  for (const std::size_t size : {std::size_t{0}, std::size_t{3072}, std::size_t{3074}}) {
    write_text(batch, std::string(size, '\0'));
    EXPECT_EQ(refusal(),
              batch + ": " + std::to_string(size) + " bytes; a CIFAR-10 batch is one or more records of 3073 bytes");
  }
  write_text(batch, record(9, 0, 0, 0) + record(10, 0, 0, 0));
  EXPECT_EQ(refusal(), batch + ": record 1 at byte 3073 has label 10; it must be 0 to 9");
  write_text(batch, record(9, 0, 0, 0));
  write_text(folder / "batches.meta.txt", "one\r\ntwo\n\n");
  EXPECT_EQ(refusal(), (folder / "batches.meta.txt").string() + ": 2 names of classes; it must have 10, one a line");
  write_text(folder / "batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj");
  EXPECT_EQ(open_cifar10(folder.path(), Split::train)->classes()[9], "j");
}

std::string idx(int rank, const std::vector<std::uint64_t>& shape, const std::string& data) {
  std::string file = big(0x800 + static_cast<std::uint64_t>(rank), 4);
  for (const std::uint64_t extent : shape) file += big(extent, 4);
  return file + data;
}

TEST(Mnist, pictures_and_labels_belong_together) {
  const TemporaryFolder folder;
  write_text(folder / "t10k-images-idx3-ubyte", idx(3, {2, 2, 2}, std::string("\x00\x01\x02\x03\x0a\x0b\x0c\xff", 8)));
  write_text(folder / "t10k-labels-idx1-ubyte", idx(1, {2}, "\x07\x02"));
  const auto set = open_mnist(folder.path(), Split::test);
  ASSERT_EQ(set->size(), 2);
  EXPECT_EQ(set->classes().size(), 8u);
  EXPECT_EQ(set->classes()[7], "7");
  const Sample sample = set->item(1, square(2));
  EXPECT_EQ(sample.label, 2);
  EXPECT_EQ(sample.image().rgb, (std::vector<std::uint8_t>{10, 10, 10, 11, 11, 11, 12, 12, 12, 255, 255, 255}));
  EXPECT_EQ(set->item(0, square(28)).image().width, 28);
}

TEST(Mnist, malformed_files_are_refused) {
  const TemporaryFolder folder;
  const std::string images = (folder / "train-images-idx3-ubyte").string(),
                    labels = (folder / "train-labels-idx1-ubyte").string();
  const auto refusal = [&] { return error_of([&] { open_mnist(folder.path(), Split::train); }); };
  EXPECT_EQ(refusal(), images + ": cannot be opened: No such file or directory");
  write_text(images, idx(3, {2, 1, 1}, "ab"));
  EXPECT_EQ(refusal(), labels + ": cannot be opened: No such file or directory");
  write_text(labels, idx(1, {3}, "abc"));
  EXPECT_EQ(refusal(), labels + ": 3 labels for the 2 pictures of " + images);
}

TEST(Idx, every_malformed_file_is_refused_with_one_line_that_says_what_and_where) {
  const auto refusal = [](const std::string& file, int rank = 3) {
    return error_of([&] { parse_idx(bytes_of(file), rank, "x"); });
  };
  EXPECT_EQ(refusal(""), "x: ends at byte 0, within the 4 bytes expected at byte 0");
  EXPECT_NE(refusal("\x1f\x8b\x08zzz").find("x: is "), std::string::npos);
  EXPECT_EQ(refusal("PK\x03\x04"), "x: not an IDX file: it must begin with two zero bytes");
  EXPECT_EQ(refusal(big(0xd03, 4)), "x: elements of type 0d at byte 2; it must be 08, unsigned bytes");
  EXPECT_EQ(refusal(idx(1, {1}, "a")), "x: 1 extents at byte 3; it must be 3");
  EXPECT_EQ(refusal(idx(3, {1, 1, 1}, "a"), 1), "x: 3 extents at byte 3; it must be 1");
  EXPECT_EQ(refusal(idx(3, {1, 1}, "")), "x: ends at byte 12, within the 4 bytes expected at byte 12");
  EXPECT_EQ(refusal(idx(3, {2, 0, 1}, "")), "x: extent 1 at byte 8 is 0; it must be at least 1");
  EXPECT_EQ(refusal(idx(3, {1, 2, 2}, "abc")), "x: 3 bytes of data from byte 16; shape [1, 2, 2] takes 4");
  EXPECT_EQ(refusal(idx(3, {1, 2, 2}, "abcde")), "x: 5 bytes of data from byte 16; shape [1, 2, 2] takes 4");
  EXPECT_EQ(refusal(idx(3, {0xffffffff, 0xffffffff, 0xffffffff}, "abc")),
            "x: shape [4294967295, 4294967295, 4294967295] is too large; its bytes must number less than 2^63");
  EXPECT_EQ(parse_idx(bytes_of(idx(1, {3}, "abc")), 1, "x").values, (std::vector<std::uint8_t>{'a', 'b', 'c'}));
}

/// As gzip would compress it.
std::string gzip(const std::string& content) {
  const TemporaryFolder folder;
  const auto path = folder / "packed";
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  return read_text(path);
}

TEST(Idx, files_compressed_with_gzip_are_read_and_damaged_ones_refused) {
  std::string content(300, 'a');
  content.back() = 'b';
  const std::string file = gzip(idx(1, {300}, content));
  const auto parse = [](const std::string& packed) { return parse_idx(bytes_of(packed), 1, "x"); };
  EXPECT_EQ(parse(file).values.size(), 300u);
  EXPECT_EQ(parse(file).values.back(), 'b');
  for (std::size_t length = 2; length < file.size(); ++length)
    EXPECT_EQ(error_of([&] { parse(file.substr(0, length)); }), "x: is cut off within its compressed data") << length;
  std::string damaged = file;
  damaged[file.size() - 6] = static_cast<char>(damaged[file.size() - 6] ^ 1);  // in the checksum
  EXPECT_EQ(error_of([&] { parse(damaged); }), "x: is damaged: incorrect data check");
  EXPECT_NE(error_of([&] { parse(file + "more"); }), "nothing was thrown");
  EXPECT_NE(error_of([&] { parse(gzip(idx(1, {4}, "abc"))); }).find("x: 3 bytes of data"), std::string::npos);
}

TEST(Mnist, files_are_read_as_they_are_published_compressed) {
  const TemporaryFolder folder;
  write_text(folder / "train-images-idx3-ubyte.gz", gzip(idx(3, {1, 1, 1}, "a")));
  write_text(folder / "train-labels-idx1-ubyte.gz", gzip(idx(1, {1}, "\x02")));
  EXPECT_EQ(open_dataset(folder.path().string())->item(0, square(1)).label, 2);
}

TEST(Cifar100, the_fine_label_counts_and_names_come_from_their_file) {
  const TemporaryFolder folder;
  const std::string two_labels = std::string("\x13\x2a", 2) + record(0, 1, 2, 3).substr(1);
  write_text(folder / "train.bin", two_labels);
  const auto set = open_dataset(folder.path().string());
  EXPECT_EQ(set->item(0, square(32)).label, 42);
  EXPECT_EQ(set->item(0, square(32)).image().rgb[2], 3);
  EXPECT_EQ(set->classes().at(42), "42");
  write_text(folder / "train.bin", std::string("\x13\x64", 2) + std::string(3072, '\0'));
  EXPECT_EQ(error_of([&] { open_cifar100(folder.path(), Split::train); }),
            (folder / "train.bin").string() + ": record 0 at byte 0 has label 100; it must be 0 to 99");
}

TEST(OpenDataset, the_python_version_of_cifar_is_named) {
  const TemporaryFolder folder;
  write_text(folder / "data_batch_1", "\x80\x02}");
  EXPECT_NE(error_of([&] { open_dataset(folder.path().string()); }).find("CIFAR's python version"), std::string::npos);
}

TEST(OpenDataset, labels_of_another_split_are_by_name) {
  const TemporaryFolder folder;
  const auto put = [&](const std::string& name) {
    std::filesystem::create_directories((folder / name).parent_path());
    files::write_png(folder / name, files::Image(1, 1));
  };
  for (const char* name : {"train/ant/1.png", "train/bee/1.png", "train/cow/1.png", "val/bee/2.png", "val/cow/2.png"})
    put(name);
  const std::string place = folder.path().string();
  const auto train = open_dataset(place, Split::train), test = open_dataset(place, Split::test, train->classes());
  EXPECT_EQ(test->classes(), train->classes());
  EXPECT_EQ(test->item(0, square(1)).label, 1) << "bee, whatever val lacks";
  EXPECT_EQ(test->item(1, square(1)).label, 2);
  std::filesystem::remove_all(folder / "val/bee");
  EXPECT_EQ(open_dataset(place, Split::test, train->classes())->item(0, square(1)).label, 2)
      << "one folder alone, but known";
  put("val/dodo/1.png");
  EXPECT_EQ(error_of([&] { open_dataset(place, Split::test, train->classes()); }),
            place + ": class 'dodo' is not one of the 3 classes: 'ant', 'bee', 'cow'");
  EXPECT_EQ(open_dataset(place, Split::test)->classes(), (std::vector<std::string>{"cow", "dodo"}));
}

TEST(OpenDataset, each_kind_is_recognised) {
  const TemporaryFolder folder;
  EXPECT_EQ(open_dataset("shapes")->source(0), "shapes:0 item 0");
  EXPECT_EQ(open_dataset("shapes:18446744073709551615")->source(0), "shapes:18446744073709551615 item 0");
  for (const char* place : {"shapes:", "shapes:x", "shapes:1x", "shapes:-1", "shapes:18446744073709551616"})
    EXPECT_EQ(error_of([&] { open_dataset(place); }),
              "data set '" + std::string(place) + "': the seed must be an integer from 0 to 2^64 - 1");
  EXPECT_EQ(error_of([] { open_dataset("no such place"); }),
            "data set 'no such place': it must be a folder, 'shapes', 'landscape', or one of these with ':SEED'");
  EXPECT_EQ(open_dataset("landscape:7")->source(3), "landscape:7 item 3");
  EXPECT_EQ(open_dataset("landscape")->classes()[2], "winter");
  EXPECT_EQ(open_dataset("landscape:7")->item(5, square(16)).image(), landscape_picture(square(16), 7, 5));
  EXPECT_EQ(open_dataset("landscape:7")->item(10, square(16)).label, 4);
  EXPECT_EQ(error_of([] { open_dataset("landscape:x"); }),
            "data set 'landscape:x': the seed must be an integer from 0 to 2^64 - 1");
  EXPECT_EQ(error_of([] { open_dataset("landscapes"); }),
            "data set 'landscapes': it must be a folder, 'shapes', 'landscape', or one of these with ':SEED'");
  write_text(folder / "a/test_batch.bin", record(5, 1, 2, 3));
  EXPECT_EQ(open_dataset((folder / "a").string(), Split::test)->classes()[5], "dog");
  write_text(folder / "b/train-images-idx3-ubyte", idx(3, {1, 1, 1}, "a"));
  write_text(folder / "b/train-labels-idx1-ubyte", idx(1, {1}, "\x02"));
  EXPECT_EQ(open_dataset((folder / "b").string())->item(0, square(1)).label, 2);
  write_text(folder / "d/t10k-images.idx3-ubyte", idx(3, {1, 1, 1}, "a"));
  write_text(folder / "d/t10k-labels.idx1-ubyte", idx(1, {1}, "\x03"));
  EXPECT_EQ(open_dataset((folder / "d").string(), Split::test)->item(0, square(1)).label, 3);
  std::filesystem::create_directory(folder / "c");
  EXPECT_EQ(error_of([&] { open_dataset((folder / "c").string()); }),
            (folder / "c").string() + ": there is no picture (.png, .jpg, .jpeg) in this folder or below");
}

TEST(OpenDataset, generated_pictures_are_validated_on_the_next_seed) {
  EXPECT_EQ(next_seed("shapes"), "shapes:2");
  EXPECT_EQ(next_seed("shapes:1"), "shapes:2");
  EXPECT_EQ(next_seed("landscape:9"), "landscape:10");
  EXPECT_EQ(next_seed("landscape"), "landscape:2");
  for (const char* other : {"", "shape", "shapes:", "shapes:x", "landscapes", "pictures/shapes:1"})
    EXPECT_EQ(next_seed(other), "") << other;
}

TEST(OpenDataset, subfolders_for_the_splits_are_told_from_classes) {
  const TemporaryFolder folder;
  const auto put = [&](const std::string& name) { write_text(folder / name, "never decoded here"); };
  const auto first = [&](Split split) { return open_dataset(folder.path().string(), split)->source(0); };
  put("train/ant/1.png");
  EXPECT_EQ(first(Split::test), (folder / "train/ant/1.png").string());
  EXPECT_TRUE(open_dataset(folder.path().string())->classes().empty()) << "one folder alone is no class";
  put("train/bee/1.png");
  put("val/ant/2.png");
  put("val/bee/2.png");
  EXPECT_EQ(first(Split::train), (folder / "train/ant/1.png").string());
  EXPECT_EQ(first(Split::test), (folder / "val/ant/2.png").string());
  EXPECT_EQ(open_dataset(folder.path().string())->classes(), (std::vector<std::string>{"ant", "bee"}));
}

}  // namespace
}  // namespace llsa::datasets

#include <gtest/gtest.h>

#include <cstdlib>

#include "../files/support.hpp"
#include "datasets/dataset.hpp"

namespace llsa::datasets {
namespace {

using namespace files::testing;
using files::square;
namespace fs = std::filesystem;

void put(const TemporaryFolder& folder, const std::string& name, std::uint8_t shade) {
  fs::create_directories((folder / name).parent_path());
  files::write_png(folder / name, flat(4, 4, shade, shade, shade));
}

std::string listing(const Dataset& set) {
  std::string text;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const Sample sample = set.item(i, square(2));
    text += std::to_string(sample.image().rgb[0]) + ":" + std::to_string(sample.label) + " ";
  }
  return text;
}

TEST(ImageFolder, class_folders_give_labels_and_everything_is_sorted) {
  const TemporaryFolder folder;
  put(folder, "zebra/2.png", 5);
  put(folder, "zebra/1.PNG", 4);
  put(folder, "ant/sub/x.png", 2);
  put(folder, "ant/b.png", 1);
  put(folder, "bee/1.png", 3);
  write_text(folder / "ant/notes.txt", "no picture");
  const auto set = open_image_folder(folder.path());
  EXPECT_EQ(listing(*set), "1:0 2:0 3:1 4:2 5:2 ");
  EXPECT_EQ(set->classes(), (std::vector<std::string>{"ant", "bee", "zebra"}));
  EXPECT_EQ(set->source(1), (folder / "ant/sub/x.png").string());
}

TEST(ImageFolder, hidden_and_system_folders_and_files_are_no_classes_and_no_pictures) {
  const TemporaryFolder folder;
  put(folder, "ant/1.png", 1);
  put(folder, "bee/1.png", 2);
  for (const char* name : {".ipynb_checkpoints/1-checkpoint.png", "__MACOSX/ant/._1.png",
                           "ant/.ipynb_checkpoints/1.png", "bee/._1.png", "@eaDir/1.png", ".hidden.png"})
    put(folder, name, 9);
  const auto set = open_image_folder(folder.path());
  EXPECT_EQ(listing(*set), "1:0 2:1 ");
  EXPECT_EQ(set->classes(), (std::vector<std::string>{"ant", "bee"}));
  const TemporaryFolder hidden;
  put(hidden, ".mine/a/1.png", 3);
  put(hidden, ".mine/b/1.png", 4);
  EXPECT_EQ(listing(*open_image_folder(hidden / ".mine")), "3:0 4:1 ") << "the folder that was asked for may be hidden";
}

TEST(ImageFolder, loose_pictures_numbered_shards_and_one_folder_alone_have_no_labels) {
  const TemporaryFolder loose, shards, alone;
  put(loose, "b.png", 2);
  put(loose, "a/c.png", 1);
  put(loose, "a.png", 0);
  EXPECT_EQ(listing(*open_image_folder(loose.path())), "0:-1 1:-1 2:-1 ") << "by path, not folder by folder";
  EXPECT_TRUE(open_image_folder(loose.path())->classes().empty());
  put(shards, "00000/00001.png", 1);
  put(shards, "01000/01000.png", 2);
  EXPECT_EQ(listing(*open_image_folder(shards.path())), "1:-1 2:-1 ");
  put(shards, "0100/01000.png", 3);
  EXPECT_EQ(listing(*open_image_folder(shards.path())), "1:0 3:1 2:2 ");
  put(alone, "images/00000/00000.png", 1);
  EXPECT_EQ(listing(*open_image_folder(alone.path())), "1:-1 ");
}

TEST(ImageFolder, dataset_json_gives_labels) {
  const TemporaryFolder folder;
  put(folder, "00000/img00000000.png", 1);
  put(folder, "00000/img00000001.png", 2);
  put(folder, "00001/img00001000.png", 3);
  write_text(
      folder / "dataset.json",
      R"({"labels":[["00001/img00001000.png",0],["00000/img00000000.png",6],["00000/img00000001.png",2],["gone.png",9]]})");
  const auto set = open_image_folder(folder.path());
  EXPECT_EQ(listing(*set), "1:6 2:2 3:0 ");
  EXPECT_EQ(set->classes().size(), 7u);
  write_text(folder / "dataset.json", R"({"labels":null})");
  EXPECT_EQ(listing(*open_image_folder(folder.path())), "1:-1 2:-1 3:-1 ");
}

TEST(ImageFolder, a_malformed_dataset_json_is_refused) {
  const TemporaryFolder folder;
  put(folder, "a.png", 1);
  const auto refusal = [&](const std::string& text) {
    write_text(folder / "dataset.json", text);
    const std::string message = error_of([&] { open_image_folder(folder.path()); });
    const std::string prefix = (folder / "dataset.json").string() + ": ";
    return message.starts_with(prefix) ? message.substr(prefix.size()) : "not named: " + message;
  };
  EXPECT_EQ(refusal(""), "not valid JSON at byte 1");
  EXPECT_EQ(refusal("{\"labels\":[}"), "not valid JSON at byte 12");
  EXPECT_EQ(refusal("[]"), "it must be an object with 'labels'");
  EXPECT_EQ(refusal("{}"), "it must be an object with 'labels'");
  EXPECT_EQ(refusal(R"({"labels":7})"), "'labels' must be null or a list of [path, label]");
  for (const char* entry :
       {"7", "[]", R"(["a.png"])", R"(["a.png",1,2])", R"([1,1])", R"(["a.png",0.5])", R"(["a.png",null])"})
    EXPECT_EQ(refusal(R"({"labels":[)" + std::string(entry) + "]}"), "entry 0 of 'labels' must be [path, integer]")
        << entry;
  EXPECT_EQ(refusal(R"({"labels":[["a.png",-1]]})"), "entry 0 of 'labels' has label -1; it must be 0 to 999999");
  EXPECT_EQ(refusal(R"({"labels":[["a.png",1000000]]})"),
            "entry 0 of 'labels' has label 1000000; it must be 0 to 999999");
  EXPECT_EQ(refusal(R"({"labels":[["a.png",18446744073709551615]]})"),
            "entry 0 of 'labels' has label 18446744073709551615; it must be 0 to 999999");
  EXPECT_EQ(refusal(R"({"labels":[["a.png",1],["a.png",1]]})"), "entry 1 of 'labels': 'a.png' appears twice");
  EXPECT_EQ(refusal(R"({"labels":[["b.png",1]]})"), "there is no label for 'a.png'");
  EXPECT_EQ(refusal("{\"labels\":" + std::string(1'000'000, '[')), "not valid JSON at byte 1000011");
}

TEST(ImageFolder, links_are_followed_and_circles_end) {
  const TemporaryFolder folder, elsewhere;
  put(elsewhere, "x.png", 2);
  put(folder, "a/1.png", 1);
  fs::create_directory_symlink(elsewhere.path(), folder / "b");
  fs::create_directory_symlink(folder.path(), folder / "a/up");
  fs::create_symlink("nowhere", folder / "a/dangling.png");
  EXPECT_EQ(listing(*open_image_folder(folder.path())), "1:0 2:1 ");
}

TEST(ImageFolder, an_empty_or_missing_folder_is_an_error) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of([&] { open_image_folder(folder.path()); }),
            folder.path().string() + ": there is no picture (.png, .jpg, .jpeg) in this folder or below");
  EXPECT_EQ(error_of([&] { open_image_folder(folder / "none"); }),
            (folder / "none").string() + ": the folder cannot be read: No such file or directory");
}

TEST(ImageFolder, an_unreadable_picture_is_an_error_that_names_it) {
  const TemporaryFolder folder;
  write_text(folder / "bad.png", "nothing");
  EXPECT_EQ(error_of([&] { open_image_folder(folder.path())->item(0, square(8)); }),
            (folder / "bad.png").string() + ": neither PNG nor JPEG");
}

TEST(ImageFolder, real_pictures_are_read_with_their_labels) {
  const char* given = std::getenv("LLSA_TEST_DATA");
  const fs::path data = given != nullptr ? fs::path(given) : fs::path(LLSA_SOURCE_FOLDER).parent_path() / "shared/data";
  if (!fs::is_directory(data / "cifar10/test")) GTEST_SKIP() << "no pictures in " << data;
  const auto set = open_image_folder(data / "cifar10/test");
  EXPECT_EQ(set->classes().size(), 10u);
  EXPECT_EQ(set->classes()[0], "airplane");
  for (std::int64_t i = 0; i < std::min<std::int64_t>(set->size(), 50); ++i) {
    const Sample sample = set->item(i, square(32));
    EXPECT_EQ(sample.image().width, 32);
    EXPECT_GE(sample.label, 0);
  }
}

}  // namespace
}  // namespace llsa::datasets

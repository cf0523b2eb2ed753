#include "program/command_files.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "../files/support.hpp"

namespace llsa::program {
namespace {

using namespace files::testing;
namespace fs = std::filesystem;

/// What `check` says of an input and an output; a folder may hold files as the input.
std::string refusal_of(const fs::path& input, const fs::path& output) {
  CommandFiles paths;
  paths.reads("--input", input);
  paths.writes("--output", output);
  return error_of([&] { paths.check(); });
}

constexpr const char* fine = "nothing was thrown";

TEST(CommandFiles, an_output_that_is_the_input_is_refused_by_whatever_name) {
  const TemporaryFolder folder;
  write_text(folder / "a", "precious");
  write_text(folder / "b", "other");
  fs::create_symlink(folder / "a", folder / "link");
  fs::create_symlink("link", folder / "link-to-link");
  fs::create_hard_link(folder / "a", folder / "hard");
  fs::create_directory(folder / "sub");
  fs::create_directory_symlink(folder.path(), folder / "sub/up");
  for (const char* name : {"a", "link", "link-to-link", "hard", "./a", "sub/../a", "sub/up/a", "sub/up/hard"}) {
    EXPECT_EQ(refusal_of(folder / "a", folder / name), "--output " + (folder / name).string() +
                                                           " would replace what --input " + (folder / "a").string() +
                                                           " reads; write to another file");
    EXPECT_NE(refusal_of(folder / name, folder / "a"), fine) << name;
  }
  EXPECT_EQ(refusal_of(folder / "a", folder / "b"), fine) << "other files are replaced";
  EXPECT_EQ(refusal_of(folder / "a", folder / "new"), fine);
  EXPECT_EQ(refusal_of(folder / "a", ""), fine);
  EXPECT_EQ(refusal_of(folder / "a", "-"), fine) << "standard output";
  EXPECT_EQ(refusal_of("", folder / "new"), fine);
  EXPECT_NE(refusal_of(folder / "missing", folder / "sub/../missing"), fine)
      << "by canonical path, where nothing is yet";
}

TEST(CommandFiles, what_lies_in_a_folder_that_is_read_is_an_input) {
  const TemporaryFolder folder;
  write_text(folder / "data/cat/1.png", "x");
  EXPECT_NE(refusal_of(folder / "data", folder / "data/cat/1.png").find("lies in the folder that --input"),
            std::string::npos);
  EXPECT_EQ(refusal_of(folder / "data", folder / "data/report.json"), fine) << "nothing is lost by a new file";
  write_text(folder / "database", "x");
  EXPECT_EQ(refusal_of(folder / "data", folder / "database"), fine) << "a name that only begins alike";
}

TEST(CommandFiles, two_outputs_are_two_files) {
  const TemporaryFolder folder;
  CommandFiles paths;
  paths.writes("--json", folder / "a");
  paths.writes("--plot", folder / "./a");
  EXPECT_EQ(error_of([&] { paths.check(); }), "--json " + (folder / "a").string() + " and --plot " +
                                                  (folder / "./a").string() + " are the same file; give two");
}

TEST(CommandFiles, what_cannot_be_written_is_said_at_once) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const fs::path& path : {folder / "nowhere/a", folder.path(), folder / "pipe", folder / "pipe/a"})
    EXPECT_EQ(refusal_of("", path).find(path.string()), 0u) << path;
  EXPECT_EQ(folder.names(), std::vector<std::string>{"pipe"});
}

TEST(CommandFiles, folders_are_written_into_beside_inputs_but_never_over_them) {
  const TemporaryFolder folder;
  write_text(folder / "out/picture.png", "mine");
  const auto refusal = [&](const fs::path& input, const fs::path& output) {
    CommandFiles paths;
    paths.reads("--image", input);
    paths.writes_into("--output", output, [](std::string_view name) { return name == "picture.png"; });
    return error_of([&] { paths.check(); });
  };
  EXPECT_NE(refusal(folder / "out/picture.png", folder / "out").find("would replace what --image"), std::string::npos);
  fs::create_hard_link(folder / "out/picture.png", folder / "same.png");
  EXPECT_NE(refusal(folder / "same.png", folder / "out"), fine);
  write_text(folder / "out/other.png", "mine");
  EXPECT_EQ(refusal(folder / "out/other.png", folder / "out"), fine);
  EXPECT_EQ(refusal(folder / "out/other.png", folder / "new"), fine);
  EXPECT_NE(refusal(folder / "out", folder / "out/deeper").find("lies in the folder that --image"), std::string::npos);
  EXPECT_NE(refusal("", folder / "same.png").find("is a file; a folder is needed"), std::string::npos);
}

TEST(CommandFiles, a_folder_that_is_read_is_known_through_links_and_a_file_is_no_folder) {
  const TemporaryFolder folder;
  write_text(folder / "data/cat/1.png", "x");
  fs::create_directory_symlink(folder / "data", folder / "alias");
  EXPECT_NE(refusal_of(folder / "alias", folder / "data/cat/1.png").find("lies in the folder that --input"),
            std::string::npos);
  CommandFiles paths;
  paths.reads("--image", folder / "data/cat/1.png");
  paths.writes_into("--output", folder / "data/cat/1.png/deeper", [](std::string_view) { return true; });
  EXPECT_EQ(error_of([&] { paths.check(); }), fine);
}

TEST(CommandFiles, a_refused_folder_is_named_by_its_option_and_its_path) {
  const TemporaryFolder folder;
  write_text(folder / "data/1.png", "x");
  const auto refusal = [&](const fs::path& output) {
    CommandFiles paths;
    paths.reads("--data", folder / "data");
    paths.writes_into("--output", output, [](std::string_view) { return false; });
    return error_of([&] { paths.check(); });
  };
  const std::string data = (folder / "data").string();
  EXPECT_EQ(refusal(folder / "data/1.png"), "--output " + data + "/1.png is a file; a folder is needed");
  EXPECT_EQ(refusal(folder / "data/new"),
            "--output " + data + "/new lies in the folder that --data " + data + " reads; write to another folder");
}

}  // namespace
}  // namespace llsa::program

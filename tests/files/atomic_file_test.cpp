#include "files/atomic_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "files/make_folder.hpp"
#include "support.hpp"

namespace llsa::files {
namespace {

using namespace testing;

TEST(AtomicFile, the_target_appears_only_with_commit_and_nothing_else_stays) {
  const TemporaryFolder folder;
  {
    AtomicFile file(folder / "a");
    file.write("one ");
    file.write("two");
    EXPECT_FALSE(std::filesystem::exists(folder / "a"));
    EXPECT_EQ(folder.names().size(), 1u) << "the temporary file lies in the same folder";
    file.commit();
  }
  EXPECT_EQ(read_text(folder / "a"), "one two");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a"});
}

TEST(AtomicFile, says_beforehand_what_cannot_be_written_and_changes_nothing) {
  const TemporaryFolder folder;
  write_text(folder / "a", "old");
  EXPECT_NO_THROW(expect_writable(folder / "a"));
  EXPECT_NO_THROW(expect_writable(folder / "b"));
  EXPECT_THROW(expect_writable(folder / "a/b"), Error);
  EXPECT_THROW(expect_writable(folder / "nowhere/b"), Error);
  EXPECT_THROW(expect_writable(folder / ""), Error);
  EXPECT_THROW(expect_writable("/dev/null"), Error);
  EXPECT_EQ(read_text(folder / "a"), "old");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a"});
}

TEST(AtomicFile, folders_are_made_with_those_above_unless_a_file_is_in_the_way) {
  const TemporaryFolder folder;
  make_folder(folder / "one/two");
  make_folder(folder / "one/two");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "one/two"));
  write_text(folder / "a", "old");
  EXPECT_THROW(make_folder(folder / "a"), Error);
  EXPECT_THROW(make_folder(folder / "a/b"), Error);
}

TEST(AtomicFile, unfinished_files_of_processes_that_ended_are_removed_and_no_others) {
  const TemporaryFolder folder;
  const std::string dead = ".99999999.", living = "." + std::to_string(getppid()) + ".";
  for (const std::string& name :
       {".a.png" + dead + "3.tmp", ".b" + dead + "0.tmp", ".f" + living + "0.tmp", std::string(".a.tmp"),
        "c" + dead + "0.tmp", std::string(".d.x.0.tmp"), ".e" + dead + "0.tmp.png"})
    write_text(folder / name, "half");
  remove_unfinished_files(folder / "nowhere");
  remove_unfinished_files(folder / "");
  std::vector<std::string> names = folder.names();
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{".a.tmp", ".d.x.0.tmp", ".e" + dead + "0.tmp.png", ".f" + living + "0.tmp",
                                             "c" + dead + "0.tmp"}))
      << "of a process that lives nothing is taken away";
}

TEST(AtomicFile, without_commit_the_old_content_stays_and_the_temporary_file_goes) {
  const TemporaryFolder folder;
  write_text(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write("new");
  }
  EXPECT_EQ(read_text(folder / "a"), "old");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a"});
}

TEST(AtomicFile, two_writers_of_one_target_do_not_disturb_each_other) {
  const TemporaryFolder folder;
  AtomicFile first(folder / "a"), second(folder / "a");
  first.write("first");
  second.write("second");
  second.commit();
  EXPECT_EQ(read_text(folder / "a"), "second");
  first.commit();
  EXPECT_EQ(read_text(folder / "a"), "first");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a"});
}

TEST(AtomicFile, a_disk_that_is_full_is_an_error_and_leaves_the_target_alone) {
  const TemporaryFolder folder;
  write_text(folder / "a", "old");
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string message = error_of([&] { write_file_atomically(folder / "a", std::string(5000, 'x')); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, (folder / "a").string() + ": cannot be written: File too large");
  EXPECT_EQ(read_text(folder / "a"), "old");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"a"});
}

TEST(AtomicFile, a_folder_a_pipe_or_a_missing_folder_is_refused_with_its_name) {
  const TemporaryFolder folder;
  const auto refusal = [](const std::filesystem::path& path) {
    return error_of([&] { write_file_atomically(path, "x"); });
  };
  const std::string not_regular = ": is not the name of a regular file, so it cannot be written";
  // Stands for every device: a real one must not be at the mercy of what is tested.
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(refusal(folder / "pipe"), (folder / "pipe").string() + not_regular);
  EXPECT_TRUE(std::filesystem::is_fifo(folder / "pipe"));
  EXPECT_EQ(refusal(folder.path()), folder.path().string() + not_regular);
  EXPECT_EQ(refusal(folder / ""), (folder / "").string() + not_regular);
  EXPECT_EQ(refusal(""), not_regular);
  EXPECT_EQ(refusal(folder / "none/a"),
            (folder / "none/a").string() + ": cannot be created: No such file or directory");
  EXPECT_EQ(folder.names(), std::vector<std::string>{"pipe"});
}

TEST(AtomicFile, permissions_follow_the_umask_and_long_names_are_possible) {
  const TemporaryFolder folder;
  const mode_t before = umask(0027);
  write_file_atomically(folder / std::string(255, 'n'), "x");
  umask(before);
  struct stat status;
  ASSERT_EQ(stat((folder / std::string(255, 'n')).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(MakeFolder, says_why_it_cannot) {
  const TemporaryFolder folder;
  write_text(folder / "a", "a file");
  EXPECT_EQ(error_of([&] { make_folder(folder / "a/b"); }),
            (folder / "a/b").string() + ": the folder cannot be made: Not a directory");
  const std::string taken = error_of([&] { make_folder(folder / "a"); });
  EXPECT_EQ(taken.find((folder / "a").string() + ": the folder cannot be made: "), 0u) << taken;
  EXPECT_EQ(taken.find("Success"), std::string::npos) << taken;
}

}  // namespace
}  // namespace llsa::files

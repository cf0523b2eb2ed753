#include "files/folder_lock.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.hpp"

namespace llsa::files {
namespace {

using namespace testing;

/// What a second taker hears.
std::string refusal_of(const std::filesystem::path& folder) {
  return error_of([&] { FolderLock lock(folder, "a training run"); });
}

TEST(FolderLock, a_second_one_is_refused_while_the_first_lives_and_names_it) {
  const TemporaryFolder folder;
  {
    const FolderLock first(folder.path(), "a training run");
    const std::string process = std::to_string(getpid());
    EXPECT_EQ(refusal_of(folder.path()), folder.path().string() + ": a training run (process " + process +
                                             ") is writing here; wait for it or stop it");
  }
  EXPECT_EQ(refusal_of(folder.path()), "nothing was thrown");
  EXPECT_TRUE(folder.names().empty()) << "nothing stays";
}

TEST(FolderLock, dies_with_its_process_however_that_ends) {
  const TemporaryFolder folder;
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const FolderLock lock(folder.path(), "a training run");
    if (write(ready[1], "x", 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  EXPECT_NE(refusal_of(folder.path()).find("process " + std::to_string(child)), std::string::npos);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQ(folder.names(), std::vector<std::string>{".lock"}) << "what a kill leaves is in nobody's way";
  EXPECT_EQ(refusal_of(folder.path()), "nothing was thrown");
  close(ready[0]);
  close(ready[1]);
}

TEST(FolderLock, a_folder_that_it_made_goes_again_unless_something_is_in_it) {
  const TemporaryFolder folder;
  { const FolderLock lock(folder / "new", "a run"); }
  EXPECT_FALSE(std::filesystem::exists(folder / "new"));
  {
    const FolderLock lock(folder / "new", "a run");
    write_text(folder / "new/result", "x");
  }
  EXPECT_TRUE(std::filesystem::exists(folder / "new/result"));
  std::filesystem::create_directory(folder / "old");
  { const FolderLock lock(folder / "old", "a run"); }
  EXPECT_TRUE(std::filesystem::exists(folder / "old"));
  write_text(folder / "file", "x");
  EXPECT_EQ(refusal_of(folder / "file").find((folder / "file").string()), 0u);
}

}  // namespace
}  // namespace llsa::files

// What people see of a program at work: its line of progress on a terminal, its one line of complaint, a full disk.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "program/program.hpp"
#include "program/progress.hpp"
#include "support/temporary_folder.hpp"

namespace llsa::program {
namespace {

/// Stands in for a standard stream, until it goes.
class Replaced {
 public:
  Replaced(int stream, int by) : stream_(stream), kept_(dup(stream)) {
    flush();
    dup2(by, stream);
  }
  ~Replaced() {
    flush();
    dup2(kept_, stream_);
    close(kept_);
  }

 private:
  static void flush() {
    std::fflush(stdout);
    std::fflush(stderr);
  }
  int stream_, kept_;
};

/// What `act` writes to stderr while that is a terminal. A terminal hands bytes on later and in parts, so a mark is
/// written behind them and reading goes on until it comes; without it for ten seconds, what came is returned.
template <class Act>
std::string on_a_terminal(Act act) {
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
  if (terminal < 0 || grantpt(terminal) != 0 || unlockpt(terminal) != 0) return "no terminal";
  const int behind = open(ptsname(terminal), O_RDWR | O_NOCTTY);
  const std::string mark = "<end>";
  {
    const Replaced replaced(STDERR_FILENO, behind);
    act();
    std::fputs(mark.c_str(), stderr);
  }
  std::string all;
  pollfd waiting{terminal, POLLIN, 0};
  while (!all.ends_with(mark) && poll(&waiting, 1, 10'000) == 1) {
    char part[256];
    const ssize_t size = read(terminal, part, sizeof part);
    if (size <= 0) break;
    all.append(part, static_cast<std::size_t>(size));
  }
  close(behind);
  close(terminal);
  if (all.ends_with(mark)) all.resize(all.size() - mark.size());
  return all;
}

TEST(Progress, rewrites_one_line_of_a_terminal_and_wipes_it) {
  const std::string seen = on_a_terminal([] {
    Progress progress("pictures", 2);
    progress.step();
    progress.step("the last");
  });
  if (seen == "no terminal") GTEST_SKIP() << "this host has no pseudo terminals";
  const std::string wipe = "\r\x1b[K";
  EXPECT_EQ(seen, wipe + "pictures 1/2" + wipe + "pictures 2/2: the last" + wipe);
  EXPECT_EQ(on_a_terminal([] { Progress("pictures").step("one"); }), wipe + "pictures: one" + wipe);
}

TEST(Progress, is_silent_where_stderr_is_no_terminal) {
  testing::internal::CaptureStderr();
  Progress("pictures", 2).step("one");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Program, says_one_line_whatever_the_message_ends_with) {
  testing::internal::CaptureStderr();
  say("tool", "two\nlines\n\n");
  say("tool", "\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "tool: two lines\ntool: \n");
}

TEST(Program, a_full_disk_behind_stdout_is_named_and_is_no_success) {
  CLI::App app("a tool", "tool");
  char name[] = "tool";
  char* arguments[] = {name, nullptr};
  const int full = open("/dev/full", O_WRONLY);
  ASSERT_GE(full, 0);
  int status = 0;
  testing::internal::CaptureStderr();
  {
    const Replaced replaced(STDOUT_FILENO, full);
    status = run(app, 1, arguments, [] {
      std::fputs("a report", stdout);
      return 0;
    });
    std::clearerr(stdout);
  }
  close(full);
  EXPECT_EQ(status, exit_bad_input);
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "tool: standard output cannot be written: No space left on device\n");
}

}  // namespace
}  // namespace llsa::program

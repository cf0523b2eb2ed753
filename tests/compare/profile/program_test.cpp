// llsa-compare profile as a user runs it.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "files/image.hpp"

namespace llsa::compare::profile {
namespace {

struct Outcome {
  int status = -1;
  std::string output;
};

Outcome run(const std::string& arguments) {
  const std::string command = std::string(LLSA_COMPARE_PROGRAM) + " profile " + arguments + " 2>&1";
  Outcome outcome;
  FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe))
    outcome.output.append(buffer.data(), count);
  outcome.status = WEXITSTATUS(pclose(pipe));
  return outcome;
}

class ProfileProgram : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              (std::string("llsa_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(ProfileProgram, prints_tables_and_writes_every_file_asked_for) {
  const auto path = [&](const char* name) { return (folder_ / name).string(); };
  const Outcome outcome = run(
      "--tokens 64,200 --heads 2 --head-dim 8 --repetitions 2 --dense-limit 100 --block-size 4 --levels 2 --top-k 2,3 "
      "--coverage disjoint --threads 1 --json " +
      path("p.json") + " --trace " + path("t.json") + " --plot " + path("p.svg"));
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_TRUE(outcome.output.starts_with("backend reference, f32, 2 heads of dimension 8, 1 thread, 2 repetitions"))
      << outcome.output;
  EXPECT_NE(outcome.output.find("| 200    |      2 |"), std::string::npos) << outcome.output;
  EXPECT_EQ(outcome.output.find('\x1b'), std::string::npos);  // no progress when piped
  const auto json = nlohmann::json::parse(std::ifstream(folder_ / "p.json"));
  std::size_t named = 0;
  for (const auto& row : json["benchmarks"]) named += row["name"] == "reference/llsa/forward/total/200";
  EXPECT_EQ(named, 2u);
  EXPECT_GT(nlohmann::json::parse(std::ifstream(folder_ / "t.json"))["traceEvents"].size(), 10u);
  std::string start(5, ' ');
  std::ifstream(folder_ / "p.svg").read(start.data(), 5);
  EXPECT_EQ(start, "<?xml");
  EXPECT_EQ(run("--tokens 32 --head-dim 4 --repetitions 1 --plot " + path("p.png")).status, 0);
  EXPECT_GT(files::read_image(folder_ / "p.png").width, 100);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator{}), 4);
}

TEST_F(ProfileProgram, times_further_methods_beside_llsa_and_dense_attention) {
  const auto path = [&](const char* name) { return (folder_ / name).string(); };
  const Outcome outcome =
      run("--tokens 64,200 --head-dim 8 --repetitions 2 --dense-limit 100 --block-size 4 --levels 2 --top-k 2 "
          "--method full,vsa,sla,llsa+mask-backward --json " +
          path("p.json") + " --trace " + path("t.json") + " --plot " + path("p.png"));
  ASSERT_EQ(outcome.status, 0) << outcome.output;
  EXPECT_NE(outcome.output.find(" vsa | "), std::string::npos) << outcome.output;
  EXPECT_NE(outcome.output.find("sla backward: time grows like N^"), std::string::npos) << outcome.output;
  const auto json = nlohmann::json::parse(std::ifstream(folder_ / "p.json"));
  const auto rows = [&](const std::string& name) {
    return std::ranges::count_if(json["benchmarks"], [&](const auto& row) { return row["name"] == name; });
  };
  for (const char* method : {"vsa", "sla", "llsa+mask-backward"})
    EXPECT_EQ(rows(std::string("reference/") + method + "/backward/total/200"), 2) << method;
  EXPECT_EQ(rows("reference/full/forward/total/64"), 2);
  EXPECT_EQ(rows("reference/full/forward/total/200"), 0) << "dense attention is timed up to --dense-limit";
  const auto events = nlohmann::json::parse(std::ifstream(folder_ / "t.json"))["traceEvents"];
  EXPECT_EQ(std::ranges::count_if(events, [](const auto& e) { return e["ph"] == "M"; }), 6);
}

TEST_F(ProfileProgram, says_in_one_line_what_is_wrong_and_writes_nothing) {
  const std::string there = (folder_ / "p.json").string();
  for (const char* wrong :
       {"--tokens 0", "--tokens 8,many", "--repetitions 0", "--heads 0", "--dense-limit -1", "--coverage both",
        "--plot picture.jpg", "--trace /nowhere/t.json", "--plot /", "--top-k 0", "--precision f8", "--method flash",
        "--method vsa,vsa", "--method llsa", "--backend abacus", "--threads -1", "--unknown"}) {
    const Outcome outcome = run(std::string("--head-dim 4 --tokens 16 ") + wrong + " --json " + there);
    EXPECT_EQ(outcome.status, 2) << wrong;
    EXPECT_TRUE(outcome.output.starts_with("llsa-compare: ")) << outcome.output;
    EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1) << outcome.output;
    EXPECT_TRUE(std::filesystem::is_empty(folder_)) << wrong;
  }
}

}  // namespace
}  // namespace llsa::compare::profile

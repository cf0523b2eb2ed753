// llsa-compare profile as a user runs it.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "files/image.hpp"
#include "support/run_program.hpp"

namespace llsa::compare::profile {
namespace {

room::ProgramRun run(const std::string& arguments) {
  return room::run_program(LLSA_COMPARE_PROGRAM, "profile " + arguments);
}

class ProfileProgram : public testing::Test {
 protected:
  room::TemporaryFolder folder_;
};

TEST_F(ProfileProgram, prints_tables_and_writes_every_file_asked_for) {
  const auto path = [&](const char* name) { return (folder_ / name).string(); };
  const room::ProgramRun outcome = run(
      "--tokens 64,200 --heads 2 --head-dim 8 --repetitions 2 --dense-limit 100 --block-size 4 --levels 2 --top-k 2,3 "
      "--coverage disjoint --threads 1 --json " +
      path("p.json") + " --trace " + path("t.json") + " --plot " + path("p.svg"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.all();
  EXPECT_TRUE(outcome.all().starts_with("backend reference, f32, 2 heads of dimension 8, 1 thread, 2 repetitions"))
      << outcome.all();
  EXPECT_NE(outcome.all().find("| 200    |      2 |"), std::string::npos) << outcome.all();
  EXPECT_EQ(outcome.all().find('\x1b'), std::string::npos);  // no progress when piped
  const auto json = nlohmann::json::parse(std::ifstream(folder_ / "p.json"));
  std::size_t named = 0;
  for (const auto& row : json["benchmarks"]) named += row["name"] == "reference/llsa/forward/total/200";
  EXPECT_EQ(named, 2u);
  EXPECT_GT(nlohmann::json::parse(std::ifstream(folder_ / "t.json"))["traceEvents"].size(), 10u);
  std::string start(5, ' ');
  std::ifstream(folder_ / "p.svg").read(start.data(), 5);
  EXPECT_EQ(start, "<?xml");
  EXPECT_EQ(run("--tokens 32 --head-dim 4 --repetitions 1 --plot " + path("p.png")).exit_code, 0);
  EXPECT_GT(files::read_image(folder_ / "p.png").width, 100);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), std::filesystem::directory_iterator{}),
            4);
}

TEST_F(ProfileProgram, times_further_methods_beside_llsa_and_dense_attention) {
  const auto path = [&](const char* name) { return (folder_ / name).string(); };
  const room::ProgramRun outcome =
      run("--tokens 64,200 --head-dim 8 --repetitions 2 --dense-limit 100 --block-size 4 --levels 2 --top-k 2 "
          "--method full,vsa,sla,llsa+mask-backward --json " +
          path("p.json") + " --trace " + path("t.json") + " --plot " + path("p.png"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.all();
  EXPECT_NE(outcome.all().find(" vsa | "), std::string::npos) << outcome.all();
  EXPECT_NE(outcome.all().find("sla backward: time grows like N^"), std::string::npos) << outcome.all();
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
    const room::ProgramRun outcome = run(std::string("--head-dim 4 --tokens 16 ") + wrong + " --json " + there);
    EXPECT_EQ(outcome.exit_code, 2) << wrong;
    EXPECT_TRUE(outcome.all().starts_with("llsa-compare: ")) << outcome.all();
    EXPECT_EQ(std::ranges::count(outcome.all(), '\n'), 1) << outcome.all();
    EXPECT_TRUE(std::filesystem::is_empty(folder_.path())) << wrong;
  }
}

}  // namespace
}  // namespace llsa::compare::profile

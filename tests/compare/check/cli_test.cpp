// `llsa-compare check` from the command line.
#include "../cli.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "compare/problem_cases.hpp"

namespace llsa::compare::check {
namespace {

using ::testing::HasSubstr;

TEST(CliCheck, passes_and_shows_a_line_per_check_and_the_controls) {
  const Workplace work;
  const ProgramRun run = work.run("check --quick --threads 2 --json report.json");
  EXPECT_EQ(run.exit_code, 0) << run.out;
  EXPECT_EQ(run.err, "") << "no progress unless on a terminal";
  EXPECT_THAT(run.out, HasSubstr("verdict: right"));
  EXPECT_THAT(run.out, HasSubstr("rejected, as it must be"));
  std::ifstream file(work.path("report.json"));
  const auto json = nlohmann::json::parse(file);
  EXPECT_EQ(json["verdict"], "right");
  EXPECT_GT(json["lines"].size(), 20u);
}

TEST(CliCheck, checks_given_tensors_with_their_options) {
  const Workplace work;
  work.write(make_problem({.name = "", .query = {1, 2, 103, 8}, .key = {1, 2, 103, 8}, .options = {}, .seed = 3}));
  const ProgramRun run =
      work.run("check --input qkv.safetensors --block-size 4 --levels 2 --top-k 3,2 --precision f64 --seed 9");
  EXPECT_EQ(run.exit_code, 0) << run.out;
  EXPECT_THAT(run.out, HasSubstr("given tensors, the other coverage"));
  EXPECT_THAT(run.out, HasSubstr("reference in f64, seed 9"));
}

TEST(CliCheck, checks_in_half_types) {
  const Workplace work;
  for (const char* precision : {"f16", "bf16"}) {
    const ProgramRun run = work.run("check --quick --json - --precision " + std::string(precision));
    EXPECT_EQ(run.exit_code, 0) << run.out;
    EXPECT_EQ(nlohmann::json::parse(run.out)["precision"], precision);
  }
}

TEST(CliCheck, holds_verify_itself_against_adversaries) {
  const Workplace work;
  const ProgramRun run = work.run("check --adversaries --quick --threads 1 --seed 2");
  EXPECT_EQ(run.exit_code, 0) << run.out;
  EXPECT_THAT(run.out, HasSubstr("dk, dv: the last writer wins"));
  EXPECT_THAT(run.out, HasSubstr("right: two halves merged"));
  EXPECT_THAT(run.out, HasSubstr("verdict: right"));
}

TEST(CliCheck, refuses_bad_input_in_one_line) {
  const Workplace work;
  expect_bad_input(work.run("check --backend abacus"), "backend is 'abacus'; this build has: reference");
  expect_bad_input(work.run("check --precision f8"), "--precision is 'f8'");
  expect_bad_input(work.run("check --block-size 8"), "options of attention go with given tensors");
  expect_bad_input(work.run("check --input none.safetensors"), "none.safetensors");
  expect_bad_input(work.run("check --seed x"), "--seed");
  expect_bad_input(work.run("check --json none/report.json"), "none/report.json");
  expect_bad_input(work.run("check --adversaries --backend reference"), "--adversaries takes no tensors");
}

}  // namespace
}  // namespace llsa::compare::check

// `llsa-compare verify` from file to verdict.
#include "../cli.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "compare/problem_cases.hpp"
#include "files/safetensors.hpp"

namespace llsa::compare::verify {
namespace {

using ::testing::HasSubstr;

const std::string problem =
    "--input qkv.safetensors --block-size 4 --levels 2 --top-k 3,2 --grad-output grad_output.npy --grad-lse "
    "grad_lse.npy ";

class CliVerify : public ::testing::Test {
 protected:
  CliVerify() {
    work.write(make_problem({.name = "", .query = {1, 2, 103, 8}, .key = {1, 2, 103, 8}, .options = {}, .seed = 3}));
  }
  /// What the program itself writes, with these options after those of the problem.
  void write_theirs(const std::string& options = "") {
    const ProgramRun run = work.run("run " + problem + options + " --output theirs.safetensors");
    ASSERT_EQ(run.exit_code, 0) << run.err;
  }
  ProgramRun verify(const std::string& options = "") {
    return work.run("verify " + problem + "--theirs theirs.safetensors " + options);
  }
  Workplace work;
};

TEST_F(CliVerify, accepts_what_run_writes) {
  for (const char* precision : {"f32", "f64"}) {
    write_theirs(std::string("--precision ") + precision);
    const ProgramRun run = verify();
    EXPECT_EQ(run.exit_code, 0) << run.out;
    EXPECT_THAT(run.out, HasSubstr("verdict: right"));
    EXPECT_THAT(run.out, HasSubstr("dV = 1.00 fine + 1.00 level 1 + 1.00 level 2, residual"));
    EXPECT_EQ(run.err, "");
  }
}

TEST_F(CliVerify, judges_the_methods_that_are_llsa_with_certain_options_and_refuses_the_others) {
  for (const char* method : {"full", "topk", "topk+enrichment", "topk+enrichment+reweighting", "llsa+mask-backward"}) {
    write_theirs(std::string("--method ") + method);
    const ProgramRun run = verify();
    EXPECT_EQ(run.exit_code, 0) << method << run.out << run.err;
    EXPECT_THAT(run.out, HasSubstr("verdict: right")) << method;
  }
  write_theirs("--method topk");
  expect_bad_input(verify("--method full"), "theirs.safetensors: method 'topk' wrote it, but --method is 'full'");
  write_theirs("--method vsa");
  expect_bad_input(verify(), "method 'vsa' adds a branch to attention; verify judges LLSA and the methods");
  files::TensorFile file = files::read_safetensors(work.path("theirs.safetensors"));
  file.metadata["method"] = "a kernel of mine";
  files::write_safetensors(work.path("theirs.safetensors"), file);
  expect_bad_input(verify("--method sla"), "method 'sla' adds a branch");
  EXPECT_EQ(verify("--method topk").exit_code, 1) << "both branches are not top-K attention";
}

TEST_F(CliVerify, accepts_inputs_and_outputs_of_sixteen_bits) {
  for (const DType type : {DType::f16, DType::bf16}) {
    work.write(make_problem({.name = "", .query = {1, 2, 103, 8}, .key = {1, 2, 103, 8}, .options = {}, .seed = 3}),
               type);
    write_theirs();
    // Store the outputs as the inputs are.
    files::TensorFile file = files::read_safetensors(work.path("theirs.safetensors"));
    for (auto& tensor : file.tensors)
      if (tensor.type() == files::ElementType::f32 && tensor.shape().size() == 4)
        tensor = type == DType::f16 ? files::from_tensor(tensor.name(), files::to_tensor<half>(tensor))
                                    : files::from_tensor(tensor.name(), files::to_tensor<bfloat16>(tensor));
    files::write_safetensors(work.path("theirs.safetensors"), file);
    const ProgramRun run = verify();
    EXPECT_EQ(run.exit_code, 0) << run.out;
  }
}

TEST_F(CliVerify, names_the_mistake_and_exits_with_one) {
  write_theirs("--no-reweight");
  const ProgramRun run = verify();
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.out, HasSubstr("looks like: no reweighting"));
  EXPECT_THAT(run.out, HasSubstr("verdict: WRONG"));
}

TEST_F(CliVerify, judges_any_subset) {
  write_theirs();
  const files::TensorFile all = files::read_safetensors(work.path("theirs.safetensors"));
  for (const auto& tensor : all.tensors) {
    files::write_safetensors(work.path("theirs.safetensors"), {{tensor}, {}});
    const ProgramRun run = verify();
    EXPECT_EQ(run.exit_code, 0) << run.out;
    EXPECT_THAT(run.out, HasSubstr(tensor.name()));
  }
}

TEST_F(CliVerify, writes_the_report_as_json) {
  write_theirs("--coverage disjoint");
  ASSERT_EQ(verify("--json report.json").exit_code, 1);
  std::ifstream file(work.path("report.json"));
  const auto json = nlohmann::json::parse(file);
  EXPECT_EQ(json["verdict"], "wrong");
  EXPECT_EQ(json["options"]["coverage"], "overlapping");
  bool seen = false;
  for (const auto& tensor : json["tensors"])
    if (tensor["name"] == "o") {
      seen = true;
      EXPECT_EQ(tensor["verdict"], "wrong");
      EXPECT_GT(tensor["relative_l2"].get<double>(), 1e-3);
      EXPECT_THAT(tensor["findings"].dump(), HasSubstr("disjoint coverage"));
    }
  EXPECT_TRUE(seen);
  const ProgramRun printed = verify("--json -");
  EXPECT_EQ(printed.exit_code, 1);
  EXPECT_EQ(nlohmann::json::parse(printed.out)["verdict"], "wrong");
}

TEST_F(CliVerify, a_verdict_that_cannot_be_written_is_no_success) {
  write_theirs();
  for (const char* json : {"", " --json -"}) {
    const std::string command = "cd '" + work.path("").string() + "' && '" + LLSA_COMPARE_PROGRAM + "' verify " +
                                problem + "--theirs theirs.safetensors" + json + " >/dev/full 2>/dev/null";
    EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 2) << json;
  }
}

TEST_F(CliVerify, says_what_it_could_not_judge) {
  write_theirs();
  const std::string forward =
      "verify --input qkv.safetensors --block-size 4 --levels 2 --top-k 3,2 --theirs theirs.safetensors";
  const ProgramRun run = work.run(forward);
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.out, HasSubstr("verdict: not judged enough (dq 0.0%, dk 0.0%, dv 0.0% judged"));
  const ProgramRun json = work.run(forward + " --json -");
  EXPECT_EQ(json.exit_code, 3);
  const auto report = nlohmann::json::parse(json.out);
  EXPECT_EQ(report["verdict"], "not judged enough");
  for (const auto& tensor : report["tensors"])
    EXPECT_EQ(tensor["judged"]["share"].get<double>(), tensor["name"].get<std::string>()[0] == 'd' ? 0 : 1);
  EXPECT_EQ(work.run(forward + " --require-judged 0").exit_code, 0);
  expect_bad_input(work.run(forward + " --require-judged 2"), "--require-judged is 2; it must be from 0 to 1");
  expect_bad_input(work.run(forward + " --json none/report.json"), "none/report.json");
  files::TensorFile file = files::read_safetensors(work.path("theirs.safetensors"));
  std::erase_if(file.tensors, [](const auto& tensor) { return tensor.name() != "dq"; });
  files::write_safetensors(work.path("theirs.safetensors"), file);
  expect_bad_input(work.run(forward), "nothing in it can be judged: dq needs --grad-output");
}

TEST_F(CliVerify, refuses_bad_input_in_one_line) {
  write_theirs();
  expect_bad_input(work.run("verify " + problem), "--theirs is required");
  expect_bad_input(work.run("verify " + problem + "--theirs none.safetensors"), "none.safetensors");
  expect_bad_input(work.run("verify " + problem + "--theirs q.npy"),
                   "theirs holds none of o, lse, indices_1 ..., dq, dk, dv; it holds: q");
  expect_bad_input(work.run("verify --input qkv.safetensors --levels 1 --theirs theirs.safetensors"), "indices");
  expect_bad_input(verify("--tolerance f8"), "--tolerance is 'f8'; it must be f16, bf16, f32 or f64");
  expect_bad_input(verify("--backend abacus"), "backend is 'abacus'");
  expect_bad_input(verify("--json no/such/folder/report.json"), "no/such/folder/report.json");
  files::write_safetensors(work.path("theirs.safetensors"),
                           files::TensorFile{{files::from_tensor("o", Tensor<float>({1, 103, 2, 8}))}, {}});
  expect_bad_input(verify(),
                   "theirs: o has shape [1, 103, 2, 8]; it must be [1, 2, 103, 8] (it looks like [batch, tokens, "
                   "heads, ...]: transpose it)");
}

}  // namespace
}  // namespace llsa::compare::verify

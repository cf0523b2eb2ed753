// `llsa-compare run` as its contract says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "backends/backends.hpp"
#include "compare/problem_cases.hpp"
#include "files/safetensors.hpp"
#include "reference/naive.hpp"
#include "run_fixture.hpp"

namespace llsa::compare::run {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(CliRun, writes_all_outputs_with_their_shapes_and_the_options_in_the_metadata) {
  const ProgramRun run = work.run(
      "run " + files +
      "--block-size 4 --levels 2 --top-k 3,2 --enrichment-levels 1 --no-reweight --coverage disjoint --scale 0.5 "
      "--threads 1 --precision f64 --backend reference --grad-output grad_output.npy --grad-lse grad_lse.npy --output "
      "out.safetensors");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  const files::TensorFile file = output();
  const auto shape = [&](const char* name) { return file.at(name).shape(); };
  EXPECT_THAT(shape("o"), ElementsAre(2, 2, 70, 5));
  EXPECT_THAT(shape("lse"), ElementsAre(2, 2, 70));
  EXPECT_THAT(shape("indices_1"), ElementsAre(2, 2, 18, 3));
  EXPECT_THAT(shape("indices_2"), ElementsAre(2, 2, 5, 2));
  EXPECT_THAT(shape("dq"), ElementsAre(2, 2, 70, 8));
  EXPECT_THAT(shape("dk"), ElementsAre(2, 2, 90, 8));
  EXPECT_THAT(shape("dv"), ElementsAre(2, 2, 90, 5));
  EXPECT_EQ(file.tensors.size(), 7u);
  EXPECT_EQ(file.at("o").type(), files::ElementType::f64);
  EXPECT_EQ(file.at("indices_1").type(), files::ElementType::i32);
  const std::map<std::string, std::string> expected{
      {"backend", "reference"},   {"precision", "f64"},  {"block_size", "4"},      {"levels", "2"},  {"top_k", "3,2"},
      {"enrichment_levels", "1"}, {"reweight", "false"}, {"coverage", "disjoint"}, {"scale", "0.5"}, {"threads", "1"},
      {"grad_output", "true"},    {"grad_lse", "true"},  {"stored_q", "F32"}};
  for (const auto& [key, value] : expected) EXPECT_EQ(file.metadata.at(key), value) << key;
}

TEST_F(CliRun, tensors_that_say_how_they_were_attended_to_are_attended_to_so) {
  files::TensorFile qkv = files::read_safetensors(work.path("qkv.safetensors"));
  qkv.metadata["block_size"] = "5";
  qkv.metadata["levels"] = "2";
  qkv.metadata["top_k"] = "3,2";
  qkv.metadata["coverage"] = "disjoint";
  files::write_safetensors(work.path("own.safetensors"), qkv);
  const auto said = [&](const std::string& options) {
    const ProgramRun run = work.run("run --input own.safetensors --output out.safetensors " + options);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    const auto metadata = output().metadata;
    return metadata.at("method") + " " + metadata.at("block_size") + " " + metadata.at("top_k") + " " +
           metadata.at("coverage");
  };
  EXPECT_EQ(said(""), "llsa 5 3,2 disjoint");
  EXPECT_EQ(work.run("verify --input own.safetensors --theirs out.safetensors").exit_code, 0);
  EXPECT_EQ(said("--top-k 4 --coverage overlapping"), "llsa 5 4,4 overlapping") << "the command line over the file";
  qkv.metadata["attention"] = "topk";
  files::write_safetensors(work.path("own.safetensors"), qkv);
  EXPECT_EQ(said(""), "topk 5 3 disjoint");
  EXPECT_EQ(work.run("verify --input own.safetensors --theirs out.safetensors").exit_code, 0);
  qkv.metadata["attention"] = "magic";
  files::write_safetensors(work.path("own.safetensors"), qkv);
  expect_bad_input(work.run("run --input own.safetensors --output out.safetensors"),
                   "own.safetensors: method is 'magic'");
}

/// One run of a backend in a precision, and `verify` on what it wrote.
void expect_storage(const Workplace& work, const std::string& backend, const std::string& precision,
                    files::ElementType type) {
  SCOPED_TRACE(backend + " " + precision);
  const std::string options = "--block-size 4 --levels 2 --top-k 3,2 --grad-output grad_output.npy ";
  const ProgramRun run = work.run("run " + files + options + "--backend " + backend + " --precision " + precision +
                                  " --grad-lse grad_lse.npy --output out.safetensors");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("q [2, 2, 70, 8] F32 converted to " + precision + " (rounded to nearest)"));
  const files::TensorFile file = files::read_safetensors(work.path("out.safetensors"));
  for (const char* name : {"o", "dq", "dk", "dv"}) EXPECT_EQ(file.at(name).type(), type) << name;
  EXPECT_EQ(file.at("lse").type(), files::ElementType::f32);
  EXPECT_EQ(file.at("indices_1").type(), files::ElementType::i32);
  EXPECT_EQ(file.metadata.at("precision"), precision);
  EXPECT_EQ(file.metadata.at("backend"), backend);
  // The inputs that the implementation saw are those of the same stored type.
  work.write(small_problem(), precision == "f16" ? DType::f16 : DType::bf16);
  const ProgramRun verdict =
      work.run("verify --input qkv.safetensors " + options + "--grad-lse grad_lse.npy --theirs out.safetensors");
  EXPECT_EQ(verdict.exit_code, 0) << verdict.out;
  work.write(small_problem());
}

TEST_F(CliRun, stores_results_in_the_asked_precision_and_verify_accepts_them) {
  for (const std::string& backend : backend_names()) {
    if (backend == "cuda") continue;
    expect_storage(work, backend, "f16", files::ElementType::f16);
    expect_storage(work, backend, "bf16", files::ElementType::bf16);
    if (backend != "reference")
      expect_bad_input(work.run("run " + files + "--precision f64 --output new.safetensors --backend " + backend),
                       "backend '" + backend + "' stores f32, f16 or bf16");
  }
}

TEST_F(CliRun, computes_what_the_library_computes) {
  Problem<double> problem = small_problem();
  problem.options = {.block_size = 4, .levels = 2, .top_k = {3, 2}};
  ThreadPool threads(1);
  ASSERT_EQ(work.run("run " + files + "--block-size 4 --levels 2 --top-k 3,2 --precision f64 --output out.safetensors")
                .exit_code,
            0);
  const ResolvedOptions o = problem.resolved();
  const auto query = reference::naive_pool(problem.query.view(), o.query),
             key = reference::naive_pool(problem.key.view(), o.key);
  const Selection selection = reference::naive_select(query, key, o);
  const auto outputs = reference::naive_forward(problem.inputs(), selection, o);
  const files::TensorFile file = output();
  const auto got = file.at("o").as<double>();
  const auto want = outputs.output.flat();
  for (std::size_t n = 0; n < want.size(); ++n) ASSERT_NEAR(got[n], want[n], 1e-12);
  const auto indices = file.at("indices_2").as<std::int32_t>();
  EXPECT_TRUE(std::equal(indices.begin(), indices.end(), selection.level(2).indices.begin()));
}

TEST_F(CliRun, lets_query_heads_share_key_heads) {
  Problem<double> problem = make_problem(
      {.name = "", .query = {2, 6, 40, 8}, .key = {2, 2, 50, 8}, .value_dim = 5, .options = {}, .seed = 6});
  problem.options = {.block_size = 4, .levels = 2, .top_k = {3, 2}};
  work.write(problem, DType::f64);
  const std::string options = "--block-size 4 --levels 2 --top-k 3,2 --precision f64 ";
  ASSERT_EQ(
      work.run("run --input qkv.safetensors --grad-output qkv.safetensors " + options + "--output out.safetensors")
          .exit_code,
      0);
  const ResolvedOptions o = problem.resolved();
  const Selection selection = reference::naive_select(reference::naive_pool(problem.query.view(), o.query),
                                                      reference::naive_pool(problem.key.view(), o.key), o);
  const auto outputs = reference::naive_forward(problem.inputs(), selection, o);
  const auto gradients =
      reference::naive_backward(problem.inputs(), selection, o, {problem.output_gradient.view(), {}});
  const files::TensorFile file = output();
  EXPECT_THAT(file.at("dk").shape(), ElementsAre(2, 2, 50, 8));
  EXPECT_THAT(file.at("dv").shape(), ElementsAre(2, 2, 50, 5));
  for (const auto& [name, want] : {std::pair{"o", &outputs.output}, {"dk", &gradients.key}, {"dv", &gradients.value}}) {
    const auto got = file.at(name).as<double>();
    for (std::size_t n = 0; n < want->flat().size(); ++n) ASSERT_NEAR(got[n], want->flat()[n], 1e-11) << name;
  }
  EXPECT_EQ(work.run("verify --input qkv.safetensors --grad-output qkv.safetensors --theirs out.safetensors " + options)
                .exit_code,
            0);
}

TEST_F(CliRun, computes_the_method_asked_for_with_its_further_inputs_and_their_gradients) {
  const Problem<double> problem = small_problem();
  files::TensorFile file;
  const auto add = [&](const std::string& name, const Tensor<double>& tensor) {
    file.tensors.push_back(files::from_tensor(name.c_str(), tensor));
  };
  add("q", problem.query), add("k", problem.key), add("v", problem.value);
  Tensor<double> weight({1, 1, 5, 5}), offset({1, 1, 1, 5}), gate({2, 2, 70, 1});
  double number = 0;
  for (Tensor<double>* each : {&weight, &offset, &gate})
    for (double& x : each->flat()) x = std::sin(number += 1);
  file.tensors.push_back(files::from_tensor("w_p", weight).reshaped({5, 5}));
  add("b_p", offset);
  file.tensors.push_back(files::from_tensor("gate_coarse", gate).reshaped({2, 2, 70}));
  files::write_safetensors(work.path("all.safetensors"), file);

  ThreadPool threads(1);
  for (const std::string method : {"sla", "vsa"}) {
    const ProgramRun run = work.run("run --input all.safetensors --method " + method +
                                    " --block-size 4 --levels 3 --top-k 3,2,2 --precision f64 --grad-output "
                                    "grad_output.npy --output out.safetensors");
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr("method " + method + "\n"));
    const files::TensorFile written = output();
    EXPECT_EQ(written.metadata.at("method"), method);
    EXPECT_EQ(written.metadata.at("levels"), "1");
    EXPECT_EQ(written.metadata.at("top_k"), "3");
    Problem<double> expected = problem;
    expected.options = method_options(method, {.block_size = 4, .top_k = {3}});
    expected.output_gradient =
        files::to_tensor<double>(files::read_tensor_file(work.path("grad_output.npy")).tensors.front());
    expected.lse_gradient = {};
    expected.extras = method == "sla" ? std::vector<NamedExtra<double>>{{"w_p", weight}, {"b_p", offset}}
                                      : std::vector<NamedExtra<double>>{{"gate_sparse", {}}, {"gate_coarse", gate}};
    const auto attention = make_attention<double>(method, "reference", threads);
    const Outcome<double> outcome = run_attention(*attention, expected);
    const auto same = [&](const std::string& name, const Tensor<double>& tensor) {
      EXPECT_TRUE(std::ranges::equal(written.at(name).as<double>(), tensor.flat())) << method << " " << name;
    };
    same("o", outcome.output), same("dq", outcome.query_gradient), same("dk", outcome.key_gradient);
    ASSERT_EQ(outcome.extra_gradients.size(), 2u);
    for (const auto& [name, gradient] : outcome.extra_gradients) same("d" + name, gradient);
  }
  EXPECT_EQ(output().at("dgate_sparse").shape(), (std::vector<std::int64_t>{2, 2, 70, 1}));
}

TEST_F(CliRun, refuses_a_method_or_a_further_input_that_cannot_be) {
  expect_bad_input(work.run("run " + files + "--method flash --output out.safetensors"),
                   "method is 'flash'; it must be one of llsa, full, topk,");
  files::TensorFile file = files::read_tensor_file(work.path("qkv.safetensors"));
  file.tensors.push_back(files::from_tensor("w_p", Tensor<float>({1, 1, 4, 5})));
  files::write_safetensors(work.path("wrong.safetensors"), file);
  const std::string wrong = "run --input wrong.safetensors --output out.safetensors --method ";
  expect_bad_input(work.run(wrong + "sla"),
                   "w_p has shape [1, 1, 4, 5]; it must be [1, 1, 5, 5], where extents of 1 may be left out");
  EXPECT_EQ(work.run(wrong + "vsa").exit_code, 0) << "not an input of this method";
}

TEST_F(CliRun, the_same_tensors_from_one_file_give_the_same_bytes_for_any_thread_count) {
  const std::string options = "--block-size 4 --levels 2 --top-k 3,2 --grad-output grad_output.npy ";
  ASSERT_EQ(work.run("run " + files + options + "--threads 1 --output a.safetensors").exit_code, 0);
  ASSERT_EQ(work.run("run --input qkv.safetensors " + options + "--threads 3 --output b.safetensors").exit_code, 0);
  const auto a = output("a.safetensors"), b = output("b.safetensors");
  for (const auto& tensor : a.tensors) EXPECT_EQ(tensor, b.at(tensor.name())) << tensor.name();
  EXPECT_EQ(a.at("o").type(), files::ElementType::f32);
}

TEST_F(CliRun, has_the_documented_defaults) {
  const ProgramRun run = work.run("run " + files + "--output out.safetensors");
  ASSERT_EQ(run.exit_code, 0);
  const files::TensorFile file = output();
  EXPECT_EQ(file.tensors.size(), 2u) << "90 keys make no level of 64: dense";
  EXPECT_EQ(file.metadata.at("levels"), "0");
  EXPECT_EQ(file.metadata.at("block_size"), "16");
  EXPECT_EQ(file.metadata.at("precision"), "f32");
  EXPECT_NEAR(std::stod(file.metadata.at("scale")), 1 / std::sqrt(8.0), 1e-15);
}

TEST_F(CliRun, pads_indices_to_the_requested_width) {
  ASSERT_EQ(work.run("run " + files + "--levels 1 --top-k 9 --output out.safetensors").exit_code, 0);
  const files::TensorFile file = output();
  EXPECT_THAT(file.at("indices_1").shape(), ElementsAre(2, 2, 5, 9));
  const auto indices = file.at("indices_1").as<std::int32_t>();
  for (std::size_t n = 0; n < indices.size(); ++n) EXPECT_EQ(indices[n] == -1, n % 9 >= 6);
}

TEST_F(CliRun, says_what_it_converted) {
  work.write(small_problem(), DType::bf16);
  const ProgramRun run = work.run("run --input qkv.safetensors --output out.safetensors");
  EXPECT_THAT(run.out, HasSubstr("q [2, 2, 70, 8] BF16 converted to f32 (exactly)"));
  EXPECT_EQ(output().metadata.at("stored_q"), "BF16");
  work.write(small_problem(), DType::f64);
  EXPECT_THAT(work.run("run --input qkv.safetensors --output out.safetensors").out,
              HasSubstr("q [2, 2, 70, 8] F64 converted to f32 (rounded to nearest)"));
}

TEST_F(CliRun, help_names_every_option_and_succeeds) {
  const ProgramRun run = work.run("run --help");
  EXPECT_EQ(run.exit_code, 0);
  for (const char* option : {"--input", "--q", "--k", "--v", "--backend", "--precision", "--block-size", "--levels",
                             "--top-k", "--enrichment-levels", "--no-reweight", "--coverage", "--scale", "--threads",
                             "--grad-output", "--grad-lse", "--output"})
    EXPECT_THAT(run.out, HasSubstr(option));
  EXPECT_EQ(work.run("--help").exit_code, 0);
}

}  // namespace
}  // namespace llsa::compare::run

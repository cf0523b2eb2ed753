// What `llsa-compare run` makes of the files and words that it is given: layouts, bad input, outputs that exist.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "run_fixture.hpp"

namespace llsa::compare::run {
namespace {

using ::testing::HasSubstr;

TEST_F(CliRun, refuses_each_bad_input_in_one_line_and_writes_nothing) {
  const std::vector<std::string> before = work.files();
  const auto refuse = [&](const std::string& arguments, const std::string& words) {
    SCOPED_TRACE(arguments);
    expect_bad_input(work.run(arguments), words);
  };
  const std::string out = "--output new.safetensors ";
  refuse("", "give a command: run");
  refuse("walk", "give a command: run");
  refuse("run " + files, "--output is required");
  refuse("run " + out, "inputs are missing");
  refuse("run --q q.npy --k k.npy " + out, "inputs are missing");
  refuse("run --input qkv.safetensors " + files + out, "not both");
  refuse("run --q none.npy --k k.npy --v v.npy " + out, "none.npy: ");
  refuse("run --q q.npy --k k.npy --v q.npy " + out, "value has shape");
  refuse("run " + files + out + "--block-size 1", "block_size is 1; it must be at least 2");
  refuse("run " + files + out + "--block-size 4.5", "--block-size is '4.5'; it must be a whole number");
  refuse("run " + files + out + "--block-size 99999999999999999999", "--block-size is '99999999999999999999'");
  refuse("run " + files + out + "--levels many", "--levels is 'many'; it must be auto or a whole number");
  refuse("run " + files + out + "--levels 63", "levels is 63; it must be 0 to 62");
  refuse("run " + files + out + "--levels -1", "levels is -1");
  refuse("run " + files + out + "--top-k 0 --levels 1", "top_k for level 1 is 0");
  refuse("run " + files + out + "--top-k 8, --levels 1", "--top-k is '8,'");
  refuse("run " + files + out + "--top-k 4,,8 --levels 2",
         "--top-k is '4,,8'; it must be a whole number, or one for each level separated by commas, level 1 first");
  refuse("approximate --size 8,,16", "--size is '8,,16'; it must be whole numbers with commas between them");
  refuse("approximate --coverage disjoint,", "--coverage is 'disjoint,'; it must be names with commas between them");
  refuse("profile --tokens 64,x", "--tokens is '64,x'; it must be whole numbers with commas between them");
  refuse("run " + files + out + "--top-k 8,8 --levels 1", "top_k has 2 numbers for 1 levels");
  refuse("run " + files + out + "--top-k 2000000000 --levels 1", "top_k for level 1 is 2000000000");
  refuse("run " + files + out + "--enrichment-levels 2 --levels 1", "enrichment_levels is 2; it must be 0 to levels");
  refuse("run " + files + out + "--coverage partial", "coverage is 'partial'; it must be overlapping or disjoint");
  refuse("run " + files + out + "--scale nan", "scale is nan; it must be finite");
  refuse("run " + files + out + "--scale x", "--scale is 'x'; it must be a number");
  refuse("run " + files + out + "--precision f8", "--precision is 'f8'; it must be f16, bf16, f32 or f64");
  refuse("run " + files + out + "--backend abacus", "backend is 'abacus'; this build has: reference");
  refuse("run " + files + out + "--threads -1", "threads is -1");
  refuse("run " + files + out + "--grad-lse grad_lse.npy", "--grad-lse is given without --grad-output");
  refuse("run " + files + out + "--grad-output q.npy", "grad_output has shape [2, 2, 70, 8]; it must be [2, 2, 70, 5]");
  refuse("run " + files + out + "--grad-output grad_output.npy --grad-lse q.npy", "grad_lse has shape");
  refuse("run " + files + out + "--wings 2", "--wings");
  refuse("run " + files + "--output no/such/folder/new.safetensors", "no/such/folder/new.safetensors");
  std::ofstream(work.path("broken.safetensors")) << "not a tensor file";
  refuse("run --input broken.safetensors " + out, "broken.safetensors");
  std::filesystem::remove(work.path("broken.safetensors"));
  EXPECT_EQ(work.files(), before);
}

/// The same tensor with tokens outside heads.
files::NamedTensor tokens_first(const Tensor<double>& tensor, const char* name) {
  const Shape s = tensor.shape();
  std::vector<double> values;
  for (std::int64_t b = 0; b < s.batch; ++b)
    for (std::int64_t t = 0; t < s.tokens; ++t)
      for (std::int64_t h = 0; h < s.heads; ++h)
        for (std::int64_t d = 0; d < s.dim; ++d) values.push_back(tensor(b, h, t, d));
  return {name, {s.batch, s.tokens, s.heads, s.dim}, std::span<const double>(values)};
}

TEST_F(CliRun, honours_the_layout_that_a_file_says_and_refuses_one_that_says_nothing) {
  const Problem<double> p = small_problem();
  const std::vector<files::NamedTensor> tensors = {tokens_first(p.query, "q"), tokens_first(p.key, "k"),
                                                   tokens_first(p.value, "v")};
  const std::vector<files::NamedTensor> usual = {files::from_tensor("q", p.query), files::from_tensor("k", p.key),
                                                 files::from_tensor("v", p.value)};
  files::write_safetensors(work.path("usual.safetensors"), usual);
  files::write_safetensors(work.path("bnhd.safetensors"), tensors, {{"layout", "batch, tokens, heads, dim"}});
  const std::string options = "--block-size 4 --levels 2 --top-k 3 --precision f64 --output ";
  ASSERT_EQ(work.run("run --input usual.safetensors " + options + "a.safetensors").exit_code, 0);
  const ProgramRun run = work.run("run --input bnhd.safetensors " + options + "b.safetensors");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("axes bnhd"));
  EXPECT_EQ(output("a.safetensors").tensors, output("b.safetensors").tensors);
  EXPECT_EQ(output("b.safetensors").metadata.at("layout"), "batch,heads,tokens,dim");
  files::write_safetensors(work.path("x.safetensors"), tensors, {{"layout", "banana"}});
  for (const char* command : {"run --output new.safetensors ", "check ", "approximate ", "recommend "})
    expect_bad_input(work.run(std::string(command) + "--input x.safetensors"), "layout is 'banana'");
}

TEST_F(CliRun, passes_over_tensors_that_nobody_asked_for_and_names_one_that_it_needs) {
  const std::string data(4 * 32, '\0');
  const auto entry = [](const char* type, const char* shape, const char* offsets) {
    return std::string(R"({"dtype":")") + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
  };
  const auto write = [&](const char* name, const char* key_type) {
    const std::string header = R"({"attention_mask":)" + entry("BOOL", "[1,4]", "[0,4]") + R"(,"scaled_fp8":)" +
                               entry("F8_E4M3", "[0]", "[4,4]") + R"(,"q":)" + entry("F32", "[4,2]", "[4,36]") +
                               R"(,"k":)" + entry(key_type, "[4,2]", "[36,68]") + R"(,"v":)" +
                               entry("F32", "[4,2]", "[68,100]") + "}";
    const std::uint64_t length = header.size();
    std::ofstream file(work.path(name), std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), sizeof(length));
    file << header << data.substr(0, 100);
  };
  write("good.safetensors", "F32");
  const ProgramRun run = work.run("run --levels 0 --input good.safetensors --output new.safetensors");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  write("bad.safetensors", "U32");
  expect_bad_input(work.run("run --levels 0 --input bad.safetensors --output other.safetensors"), "tensor 'k' is U32");
}

TEST_F(CliRun, leaves_an_existing_output_alone_when_it_fails) {
  std::ofstream(work.path("out.safetensors")) << "precious";
  expect_bad_input(work.run("run " + files + "--block-size 0 --output out.safetensors"), "block_size is 0");
  std::ifstream file(work.path("out.safetensors"));
  std::string text;
  file >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(CliRun, stops_on_request_without_a_file) {
  // Large enough to be still at work when the signal comes; the shell repeats it until the program ends.
  work.write(make_problem({.name = "",
                           .query = {1, 2, 24000, 64},
                           .key = {1, 2, 24000, 64},
                           .value_dim = 64,
                           .options = {},
                           .lse_gradient = false}));
  const ProgramRun run = work.run(
      "run --input qkv.safetensors --levels 0 --precision f64 --output new.safetensors & pid=$!; sleep 0.5; kill -INT "
      "$pid; wait $pid");
  EXPECT_EQ(run.exit_code, 130);
  const auto left = work.files();
  EXPECT_THAT(left, ::testing::Each(::testing::Not(HasSubstr("new.safetensors"))));
}

TEST_F(CliRun, never_writes_over_any_of_its_inputs) {
  for (const auto& [option, name] : {std::pair{"--q", "q.npy"},
                                     {"--k", "k.npy"},
                                     {"--v", "v.npy"},
                                     {"--grad-output", "grad_output.npy"},
                                     {"--grad-lse", "grad_lse.npy"}})
    expect_bad_input(work.run("run " + files + "--block-size 4 --levels 1 --grad-output grad_output.npy --grad-lse " +
                              "grad_lse.npy --output " + name),
                     std::string(name) + " would replace what " + option + " " + name + " reads");
  expect_bad_input(work.run("run --input qkv.safetensors --block-size 4 --levels 1 --output qkv.safetensors"),
                   "would replace what --input qkv.safetensors reads");
}

}  // namespace
}  // namespace llsa::compare::run

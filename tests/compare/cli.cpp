#include "cli.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "files/npy.hpp"
#include "files/safetensors.hpp"

namespace llsa::compare {
namespace {

files::NamedTensor named(const std::string& name, const Tensor<double>& tensor, DType type) {
  switch (type) {
    case DType::f16:
      return files::from_tensor(name, converted<half>(tensor));
    case DType::bf16:
      return files::from_tensor(name, converted<bfloat16>(tensor));
    case DType::f32:
      return files::from_tensor(name, converted<float>(tensor));
    default:
      return files::from_tensor(name, tensor);
  }
}

}  // namespace

ProgramRun Workplace::run(const std::string& arguments) const {
  return room::run_program(LLSA_COMPARE_PROGRAM, arguments, folder_.path());
}

void Workplace::write(const Problem<double>& p, DType type) const {
  std::vector<files::NamedTensor> all;
  const auto add = [&](const std::string& name, const Tensor<double>& tensor) {
    if (tensor.flat().empty()) return;
    files::write_npy(path(name + ".npy"), named(name, tensor, DType::f32));
    all.push_back(named(name, tensor, type));
  };
  add("q", p.query);
  add("k", p.key);
  add("v", p.value);
  add("grad_output", p.output_gradient);
  add("grad_lse", p.lse_gradient);
  files::write_safetensors(path("qkv.safetensors"), all);
}

void expect_bad_input(const ProgramRun& run, const std::string& words) {
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err.rfind("llsa-compare: ", 0), 0u) << run.err;
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
  EXPECT_THAT(run.err, ::testing::HasSubstr(words));
}

}  // namespace llsa::compare

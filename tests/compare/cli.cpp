#include "cli.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "files/npy.hpp"
#include "files/safetensors.hpp"

namespace llsa::compare {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

template <class T>
Tensor<T> narrowed(const Tensor<double>& tensor) {
  Tensor<T> result(tensor.shape());
  std::transform(tensor.flat().begin(), tensor.flat().end(), result.data(), [](double x) {
    if constexpr (sizeof(T) == 2)
      return T(static_cast<float>(x));
    else
      return static_cast<T>(x);
  });
  return result;
}

files::NamedTensor named(const std::string& name, const Tensor<double>& tensor, DType type) {
  switch (type) {
    case DType::f16:
      return files::from_tensor(name, narrowed<half>(tensor));
    case DType::bf16:
      return files::from_tensor(name, narrowed<bfloat16>(tensor));
    case DType::f32:
      return files::from_tensor(name, narrowed<float>(tensor));
    default:
      return files::from_tensor(name, tensor);
  }
}

}  // namespace

Workplace::Workplace() {
  std::string name = (std::filesystem::temp_directory_path() / "llsa_compare_cli_XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = name;
}
Workplace::~Workplace() { std::filesystem::remove_all(folder_); }

ProgramRun Workplace::run(const std::string& arguments) const {
  const std::string command =
      "cd '" + folder_.string() + "' && '" + LLSA_COMPARE_PROGRAM + "' " + arguments + " >.out 2>.err </dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(folder_ / ".out"), text_of(folder_ / ".err")};
}

std::vector<std::string> Workplace::files() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_))
    if (const std::string name = entry.path().filename(); name != ".out" && name != ".err") names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
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

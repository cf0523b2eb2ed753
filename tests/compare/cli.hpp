#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "compare/problem.hpp"
#include "files/tensor_file.hpp"
#include "support/run_program.hpp"

namespace llsa::compare {

using room::ProgramRun;

/// A folder for one test, removed at its end, and the program run in it.
class Workplace {
 public:
  /// Runs `llsa-compare ARGUMENTS` through the shell with this folder as the current one.
  ProgramRun run(const std::string& arguments) const;
  std::filesystem::path path(const std::string& name) const { return folder_ / name; }
  /// Names of the files in the folder, sorted.
  std::vector<std::string> files() const { return folder_.names(); }
  /// q.npy, k.npy, v.npy, grad_output.npy and grad_lse.npy in fp32, and qkv.safetensors with all of them in `type`.
  void write(const Problem<double>& problem, DType type = DType::f32) const;

 private:
  room::TemporaryFolder folder_;
};

/// Expects exit status 2, nothing on stdout, and one line on stderr that begins with the program's name and holds
/// `words`.
void expect_bad_input(const ProgramRun& run, const std::string& words);

}  // namespace llsa::compare

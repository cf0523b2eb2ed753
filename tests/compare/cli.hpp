#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "compare/problem.hpp"
#include "files/tensor_file.hpp"

namespace llsa::compare {

/// What a run of the program left.
struct ProgramRun {
  int exit_code = -1;
  std::string out, err;
};

/// A folder for one test, removed at its end, and the program run in it.
class Workplace {
 public:
  Workplace();
  ~Workplace();
  Workplace(const Workplace&) = delete;
  Workplace& operator=(const Workplace&) = delete;

  /// Runs `llsa-compare ARGUMENTS` through the shell with this folder as the current one.
  ProgramRun run(const std::string& arguments) const;
  std::filesystem::path path(const std::string& name) const { return folder_ / name; }
  /// Names of the files in the folder, sorted, without what `run` itself leaves.
  std::vector<std::string> files() const;
  /// q.npy, k.npy, v.npy, grad_output.npy and grad_lse.npy in fp32, and qkv.safetensors with all of them in `type`.
  void write(const Problem<double>& problem, DType type = DType::f32) const;

 private:
  std::filesystem::path folder_;
};

/// Expects exit status 2, nothing on stdout, and one line on stderr that begins with the program's name and holds
/// `words`.
void expect_bad_input(const ProgramRun& run, const std::string& words);

}  // namespace llsa::compare

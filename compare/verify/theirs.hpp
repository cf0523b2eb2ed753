#pragma once

#include <map>
#include <string>
#include <vector>

#include "compare/problem.hpp"
#include "files/tensor_file.hpp"

namespace llsa::compare::verify {

/// One tensor somebody's kernel wrote, in double, with the type it was stored in.
struct TheirTensor {
  Tensor<double> values;
  DType stored = DType::f32;
};

/// The outputs of somebody's kernel: any subset of what `llsa-compare run` writes.
struct Theirs {
  /// By name: `o`, `lse` (as `[batch, heads, Nq, 1]`), `dq`, `dk`, `dv`.
  std::map<std::string, TheirTensor> tensors;
  /// By level; rows as `LevelSelection` wants them, content not yet checked.
  std::map<int, LevelSelection> indices;
  std::vector<std::string> ignored;  ///< names of other tensors in the file

  const TheirTensor* find(const std::string& name) const {
    const auto at = tensors.find(name);
    return at == tensors.end() ? nullptr : &at->second;
  }
};

/// Takes the outputs out of a file and checks that their shapes belong to the problem. Throws `Error` that names the
/// tensor, its shape and the right one (and says so when it looks like another layout), and when there is none to
/// judge.
Theirs read_theirs(const files::TensorFile& file, const Problem<double>& problem);

}  // namespace llsa::compare::verify

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compare/problem.hpp"
#include "files/tensor_file.hpp"
#include "llsa/attention_choice.hpp"

namespace llsa::compare {

/// Where a problem's tensors lie; an empty path means not given. Each file is .npy or .safetensors.
struct ProblemFiles {
  std::string input;              ///< one .safetensors with `q`, `k`, `v`, instead of the three below
  std::string query, key, value;  ///< in a .safetensors with several tensors: `q`, `k`, `v`
  std::string output_gradient;    ///< in a .safetensors with several tensors: `grad_output`
  std::string lse_gradient;       ///< in a .safetensors with several tensors: `grad_lse`
};

/// How one tensor was stored, for reports: "q [1, 2, 64, 32] BF16".
struct StoredTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  files::ElementType type;
  std::string layout = {};  ///< what its axes are, slowest first, "bhnd"; empty where the name says it
};

template <class T>
struct LoadedProblem {
  Problem<T> problem;
  std::vector<StoredTensor> stored;  ///< q, k, v, then the method's extras and the gradients that were given
};

/// Reads and converts every tensor to T, rounding to nearest where T holds less; the LSE gradient becomes
/// `Accumulate<T>`. Q, K, V and the output gradient are in the layout that their file's metadata says, else
/// `[batch, heads, tokens, dim]`, or `[tokens, dim]` for one head; the LSE gradient is `[batch, heads, Nq]` or
/// `[batch, heads, Nq, 1]`, or `[Nq]` for one head. Checks all shapes and options. Throws `Error`.
/// The problem's options become those of the method (`method_options`); its further inputs are taken from `files.input`
/// by their names where they are in it, extents of 1 may be left out of their shapes.
template <class T>
LoadedProblem<T> load_problem(const ProblemFiles& files, const AttentionChoice& how);

/// A tensor with one value per token, `[batch, heads, tokens]`, `[batch, heads, tokens, 1]`, or `[tokens]` or `[tokens,
/// 1]` for one head, as `[batch, heads, tokens, 1]`. Throws `Error` for another rank or an integer type.
template <class T>
Tensor<T> per_token_tensor(const files::NamedTensor& tensor);

/// A tensor and the layout that its file says; empty when it says none.
struct TensorOfFile {
  files::NamedTensor tensor;
  std::string layout;
};
/// The tensor that a file is given for: the only one in it, or the one called `name`. Throws `Error`.
TensorOfFile tensor_from(const std::string& path, const std::string& name);

/// The coarsest of the floating types that tensors are stored in.
DType coarsest_type(const std::vector<StoredTensor>& tensors);
/// Throws `Error` for integers, naming `name`.
DType dtype_from(files::ElementType type, const std::string& name);

}  // namespace llsa::compare

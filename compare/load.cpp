#include "compare/load.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "files/layout.hpp"
#include "llsa/error.hpp"
#include "llsa/method.hpp"

namespace llsa::compare {
namespace {

using files::describe_shape;
using files::NamedTensor;

void expect_shape(const std::string& name, const Shape& got, const Shape& wanted) {
  if (got == wanted) return;
  throw Error(fmt::format("{} has shape [{}, {}, {}, {}]; it must be [{}, {}, {}, {}]", name, got.batch, got.heads,
                          got.tokens, got.dim, wanted.batch, wanted.heads, wanted.tokens, wanted.dim));
}

/// Runs a conversion so that its message says which file and tensor it is about.
template <class Convert>
auto naming(const std::string& what, Convert convert) {
  try {
    return convert();
  } catch (const Error& error) {
    throw Error(what + ": " + error.what());
  }
}

std::vector<std::int64_t> without_ones(std::vector<std::int64_t> shape) {
  std::erase(shape, 1);
  return shape;
}

template <class T>
class Loader {
 public:
  Tensor<T> tensor(const NamedTensor& source, const std::string& layout, const std::string& path,
                   const std::string& name) {
    note(source, path, name);
    stored.back().layout = layout.empty() ? files::default_layout(source.shape().size()) : layout;
    return naming(path, [&] { return files::to_bhnd<T>(source.renamed(name), layout); });
  }
  Tensor<Accumulate<T>> per_token(const NamedTensor& source, const std::string& path, const std::string& name) {
    note(source, path, name);
    return naming(path, [&] { return per_token_tensor<Accumulate<T>>(source.renamed(name)); });
  }
  Tensor<T> tensor(const std::string& path, const std::string& name) {
    const TensorOfFile found = tensor_from(path, name);
    return tensor(found.tensor, found.layout, path, name);
  }

  Tensor<T> extra(const NamedTensor& source, const std::string& path, const ExtraInput& wanted) {
    note(source, path, source.name());
    const Shape& s = wanted.shape;
    const std::vector<std::int64_t> full{s.batch, s.heads, s.tokens, s.dim};
    if (without_ones(source.shape()) != without_ones(full))
      throw Error(fmt::format("{}: {} has shape {}; it must be {}, where extents of 1 may be left out", path,
                              source.name(), describe_shape(source.shape()), describe_shape(full)));
    return naming(path, [&] { return files::to_tensor<T>(source.reshaped(full)); });
  }

  std::vector<StoredTensor> stored;

 private:
  void note(const NamedTensor& source, const std::string& path, const std::string& name) {
    naming(path, [&] { return dtype_from(source.type(), name); });
    stored.push_back({name, source.shape(), source.type()});
  }
};

void expect_paths(const ProblemFiles& f) {
  const int parts = !f.query.empty() + !f.key.empty() + !f.value.empty();
  if (!f.input.empty() && parts > 0) throw Error("give either --input or --q, --k and --v, not both");
  if (f.input.empty() && parts < 3)
    throw Error("inputs are missing: give --input qkv.safetensors, or all of --q, --k and --v");
  if (!f.lse_gradient.empty() && f.output_gradient.empty())
    throw Error("--grad-lse is given without --grad-output; gradients are computed only with --grad-output");
}

}  // namespace

TensorOfFile tensor_from(const std::string& path, const std::string& name) {
  const files::TensorFile file = files::read_tensor_file(path);
  return naming(path, [&]() -> TensorOfFile {
    const bool alone =
        file.tensors.size() == 1 && std::ranges::count(file.unread, name, &files::UnreadTensor::name) == 0;
    return {alone ? file.tensors.front() : file.at(name), files::said_layout(file.metadata)};
  });
}

DType dtype_from(files::ElementType type, const std::string& name) {
  switch (type) {
    case files::ElementType::f16:
      return DType::f16;
    case files::ElementType::bf16:
      return DType::bf16;
    case files::ElementType::f32:
      return DType::f32;
    case files::ElementType::f64:
      return DType::f64;
    default:
      break;
  }
  throw Error(fmt::format("{} is {}; it must be F16, BF16, F32 or F64", name, files::name_of(type)));
}

DType coarsest_type(const std::vector<StoredTensor>& tensors) {
  DType coarsest = DType::f64;
  const auto rank = [](DType t) { return t == DType::bf16 ? 0 : t == DType::f16 ? 1 : t == DType::f32 ? 2 : 3; };
  for (const StoredTensor& tensor : tensors)
    if (const DType type = dtype_from(tensor.type, tensor.name); rank(type) < rank(coarsest)) coarsest = type;
  return coarsest;
}

template <class T>
Tensor<T> per_token_tensor(const NamedTensor& tensor) {
  const std::vector<std::int64_t>& shape = tensor.shape();
  std::vector<std::int64_t> full;
  if (shape.size() == 1) full = {1, 1, shape[0], 1};
  if (shape.size() == 2 && shape[1] == 1) full = {1, 1, shape[0], 1};
  if (shape.size() == 3) full = {shape[0], shape[1], shape[2], 1};
  if (shape.size() == 4 && shape[3] == 1) full = shape;
  if (full.empty())
    throw Error(fmt::format("{} has shape {}; it must be [batch, heads, tokens], or [tokens] for one head",
                            tensor.name(), describe_shape(shape)));
  return files::to_tensor<T>(tensor.reshaped(full));
}

namespace {

/// One value a token: of the layouts only those with heads outside tokens can be meant.
NamedTensor lse_gradient_from(const std::string& path) {
  const TensorOfFile found = tensor_from(path, "grad_lse");
  if (!found.layout.empty() && found.layout != files::default_layout(found.layout.size()))
    throw Error(fmt::format("{}: layout is {}; grad_lse must be [batch, heads, tokens]", path, found.layout));
  return found.tensor;
}

}  // namespace

template <class T>
LoadedProblem<T> load_problem(const ProblemFiles& files, const AttentionChoice& how) {
  expect_paths(files);
  Loader<T> loader;
  LoadedProblem<T> loaded;
  Problem<T>& p = loaded.problem;
  p.options = method_options(how.method, how.options);
  files::TensorFile file;
  if (!files.input.empty()) {
    file = files::read_tensor_file(files.input);
    const std::string layout = naming(files.input, [&] { return files::said_layout(file.metadata); });
    const auto take = [&](const char* name) {
      return loader.tensor(naming(files.input, [&] { return file.at(name); }), layout, files.input, name);
    };
    p.query = take("q");
    p.key = take("k");
    p.value = take("v");
  } else {
    p.query = loader.tensor(files.query, "q");
    p.key = loader.tensor(files.key, "k");
    p.value = loader.tensor(files.value, "v");
  }
  const Shape q = p.query.shape();
  p.resolved();  // checks shapes and options before more is read
  for (const ExtraInput& extra : method_extras(how.method, q, p.value.shape())) {
    const std::string name(extra.name);
    const NamedTensor* stored = naming(files.input, [&] { return file.find(name); });
    p.extras.push_back({name, stored ? loader.extra(*stored, files.input, extra) : Tensor<T>()});
  }
  if (!files.output_gradient.empty()) {
    p.output_gradient = loader.tensor(files.output_gradient, "grad_output");
    expect_shape("grad_output", p.output_gradient.shape(), {q.batch, q.heads, q.tokens, p.value.shape().dim});
  }
  if (!files.lse_gradient.empty()) {
    p.lse_gradient = loader.per_token(lse_gradient_from(files.lse_gradient), files.lse_gradient, "grad_lse");
    expect_shape("grad_lse", p.lse_gradient.shape(), {q.batch, q.heads, q.tokens, 1});
  }
  loaded.stored = std::move(loader.stored);
  return loaded;
}

template Tensor<float> per_token_tensor<float>(const NamedTensor&);
template Tensor<double> per_token_tensor<double>(const NamedTensor&);
template LoadedProblem<half> load_problem<half>(const ProblemFiles&, const AttentionChoice&);
template LoadedProblem<bfloat16> load_problem<bfloat16>(const ProblemFiles&, const AttentionChoice&);
template LoadedProblem<float> load_problem<float>(const ProblemFiles&, const AttentionChoice&);
template LoadedProblem<double> load_problem<double>(const ProblemFiles&, const AttentionChoice&);

}  // namespace llsa::compare

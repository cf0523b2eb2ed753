#include "compare/outcome_file.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "llsa/error.hpp"

namespace llsa::compare {
namespace {

/// More padding than this, in elements, is a slip of the keyboard.
constexpr std::int64_t most_padded = std::int64_t{1} << 30;

files::NamedTensor indices_tensor(int level, const LevelSelection& lists, std::int64_t k, const Shape& query) {
  const std::int64_t rows = lists.heads * lists.queries;
  if (k > lists.width && k > most_padded / rows)
    throw Error(
        fmt::format("top_k for level {} is {}; indices_{} padded to it would not fit (no query has more than {} "
                    "candidates there)",
                    level, k, level, lists.width));
  std::vector<std::int32_t> padded(static_cast<std::size_t>(rows * k), -1);
  for (std::int64_t row = 0; row < rows; ++row)
    std::copy_n(lists.indices.begin() + row * lists.width, lists.width, padded.begin() + row * k);
  return {fmt::format("indices_{}", level),
          {query.batch, query.heads, lists.queries, k},
          std::span<const std::int32_t>(padded)};
}

}  // namespace

template <class T>
std::vector<files::NamedTensor> outcome_tensors(const Outcome<T>& outcome) {
  const Shape& o = outcome.output.shape();
  std::vector<files::NamedTensor> tensors{
      files::from_tensor("o", outcome.output),
      files::from_tensor("lse", outcome.lse).reshaped({o.batch, o.heads, o.tokens})};
  for (int l = 1; l <= outcome.options.levels; ++l)
    tensors.push_back(indices_tensor(l, outcome.selection.level(l), outcome.options.k(l), o));
  if (!outcome.query_gradient.flat().empty()) {
    tensors.push_back(files::from_tensor("dq", outcome.query_gradient));
    tensors.push_back(files::from_tensor("dk", outcome.key_gradient));
    tensors.push_back(files::from_tensor("dv", outcome.value_gradient));
    for (const NamedExtra<T>& gradient : outcome.extra_gradients)
      tensors.push_back(files::from_tensor("d" + gradient.name, gradient.tensor));
  }
  return tensors;
}

template std::vector<files::NamedTensor> outcome_tensors(const Outcome<half>&);
template std::vector<files::NamedTensor> outcome_tensors(const Outcome<bfloat16>&);
template std::vector<files::NamedTensor> outcome_tensors(const Outcome<float>&);
template std::vector<files::NamedTensor> outcome_tensors(const Outcome<double>&);

}  // namespace llsa::compare

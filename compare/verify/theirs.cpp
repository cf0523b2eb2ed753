#include "compare/verify/theirs.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "compare/load.hpp"
#include "files/layout.hpp"
#include "llsa/error.hpp"

namespace llsa::compare::verify {
namespace {

using Extents = std::vector<std::int64_t>;

Extents extents(const Shape& s) { return {s.batch, s.heads, s.tokens, s.dim}; }

/// What another layout's shape looks like, for the error message.
std::string layout_hint(const Extents& got, const Extents& wanted) {
  if (got.size() != wanted.size() || got.size() < 3 || got == wanted) return {};
  Extents swapped = wanted;
  std::swap(swapped[1], swapped[2]);
  if (got == swapped) return " (it looks like [batch, tokens, heads, ...]: transpose it)";
  if (got.size() == 4) {
    swapped = wanted;
    std::swap(swapped[2], swapped[3]);
    if (got == swapped) return " (it looks like [batch, heads, dim, tokens]: transpose it)";
  }
  return {};
}

[[noreturn]] void reject_shape(const files::NamedTensor& tensor, const Extents& wanted) {
  throw Error(fmt::format("theirs: {} has shape {}; it must be {}{}", tensor.name(),
                          files::describe_shape(tensor.shape()), files::describe_shape(wanted),
                          layout_hint(tensor.shape(), wanted)));
}

TheirTensor take(const files::NamedTensor& tensor, const Shape& wanted) {
  const DType stored = dtype_from(tensor.type(), "theirs: " + tensor.name());
  const Extents full = extents(wanted);
  Extents allowed = full;
  if (wanted.batch == 1 && wanted.heads == 1 && tensor.shape().size() == 2) allowed = {wanted.tokens, wanted.dim};
  if (tensor.shape() != allowed) reject_shape(tensor, full);
  return {files::to_tensor<double>(tensor.reshaped(full)), stored};
}

TheirTensor take_lse(const files::NamedTensor& tensor, const Shape& query) {
  const DType stored = dtype_from(tensor.type(), "theirs: " + tensor.name());
  const Extents wanted{query.batch, query.heads, query.tokens};
  Extents got = tensor.shape();
  if (got.size() == 4 && got.back() == 1) got.pop_back();
  const bool one_head = query.batch == 1 && query.heads == 1;
  if (!(got == wanted || (one_head && (got == Extents{query.tokens} || got == Extents{query.tokens, 1}))))
    reject_shape(tensor, wanted);
  return {files::to_tensor<double>(tensor.reshaped({query.batch, query.heads, query.tokens, 1})), stored};
}

LevelSelection take_indices(const files::NamedTensor& tensor, int level, const Shape& query,
                            const ResolvedOptions& options) {
  const Extents wanted{query.batch, query.heads, options.query.length(level), options.k(level)};
  const Extents& got = tensor.shape();
  const bool fits = got.size() == 4 && std::equal(got.begin(), got.end() - 1, wanted.begin()) && got.back() >= 1;
  const bool one_head = got.size() == 2 && query.batch == 1 && query.heads == 1 && got[0] == wanted[2] && got[1] >= 1;
  if (files::is_floating(tensor.type()))
    throw Error(fmt::format("theirs: {} is {}; it must be I32 or I64", tensor.name(), files::name_of(tensor.type())));
  if (!fits && !one_head) reject_shape(tensor, wanted);
  LevelSelection lists{query.batch * query.heads, wanted[2], got.back(), {}};
  // An index that int32 cannot hold is none that exists; its neighbour at the end of the range is none either.
  for (const std::int64_t index : tensor.integers())
    lists.indices.push_back(static_cast<std::int32_t>(std::clamp<std::int64_t>(
        index, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max())));
  return lists;
}

/// L of "indices_L", or 0.
int level_of(const std::string& name) {
  constexpr std::string_view prefix = "indices_";
  if (name.rfind(prefix, 0) != 0 || name.size() > prefix.size() + 2) return 0;
  int level = 0;
  for (const char c : name.substr(prefix.size())) {
    if (c < '0' || c > '9') return 0;
    level = level * 10 + (c - '0');
  }
  return level;
}

}  // namespace

Theirs read_theirs(const files::TensorFile& file, const Problem<double>& problem) {
  const ResolvedOptions options = problem.resolved();
  const Shape q = problem.query.shape(), k = problem.key.shape(), v = problem.value.shape();
  const std::map<std::string, Shape> shapes{
      {"o", {q.batch, q.heads, q.tokens, v.dim}}, {"dq", q}, {"dk", k}, {"dv", v}};
  const std::string layout = files::said_layout(file.metadata);
  if (!layout.empty() && layout != files::default_layout(layout.size()))
    throw Error(
        fmt::format("theirs: layout is {}; outputs are judged as [batch, heads, tokens, dim]: transpose them", layout));
  for (const files::UnreadTensor& other : file.unread)
    if (shapes.contains(other.name) || other.name == "lse" || level_of(other.name) >= 1) file.at(other.name);  // throws
  Theirs theirs;
  for (const files::NamedTensor& tensor : file.tensors) {
    const auto known = shapes.find(tensor.name());
    const int level = level_of(tensor.name());
    if (known != shapes.end()) {
      theirs.tensors[tensor.name()] = take(tensor, known->second);
    } else if (tensor.name() == "lse") {
      theirs.tensors["lse"] = take_lse(tensor, q);
    } else if (level >= 1) {
      if (level > options.levels)
        throw Error(fmt::format("theirs: {} is given, but the options resolve to {} levels (--levels)", tensor.name(),
                                options.levels));
      theirs.indices[level] = take_indices(tensor, level, q, options);
    } else {
      theirs.ignored.push_back(tensor.name());
    }
  }
  if (theirs.tensors.empty() && theirs.indices.empty())
    throw Error(fmt::format("theirs holds none of o, lse, indices_1 ..., dq, dk, dv; it holds: {}",
                            theirs.ignored.empty() ? "nothing" : fmt::format("{}", fmt::join(theirs.ignored, ", "))));
  return theirs;
}

}  // namespace llsa::compare::verify

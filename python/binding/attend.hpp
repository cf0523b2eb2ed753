#pragma once

#include <optional>
#include <vector>

#include "arrays.hpp"
#include "llsa/options.hpp"

namespace pyllsa {

/// Where the sequences of a packed problem begin and end (spec section 10); empty: one sequence.
struct Packing {
  std::vector<std::int64_t> query, key;
  std::int64_t sequences() const { return query.empty() ? 0 : static_cast<std::int64_t>(query.size()) - 1; }
};

/// One problem as Python hands it over. Every array but `lse` and `lse_gradient` has storage type `dtype`; these two
/// have its accumulation type. All are `[batch, heads, tokens, dim]`.
struct Call {
  llsa::DType dtype = llsa::DType::f32;
  llsa::Options options;  ///< `levels` is set
  Packing packing;
  Array query = {}, key = {}, value = {}, output = {}, lse = {};
  std::int32_t* lists = nullptr;  ///< laid out by `ListLayout`
  std::int64_t lists_size = 0;
  bool lists_given = false;  ///< forward attends to `lists` instead of writing them
};

/// Writes `output`, `lse` and `lists`. Throws `llsa::Error` as `Attention::forward`, and when `lists_size` or the
/// packing is wrong.
void forward(const Call& call);

/// dO and dLSE (address 0: zero), and where dQ, dK and dV go; each shaped like what it belongs to.
struct Gradients {
  Array output, lse, query, key, value;
};

/// Overwrites dQ, dK and dV, from what `forward` wrote.
void backward(const Call& call, const Gradients& gradients);

/// Checks the packing and, when they are given, the lists, from shapes alone (of query, key and value), as `forward`
/// does: for what computes elsewhere. Throws as `forward`.
void check(const Call& call);

/// How many int32 the lists of a problem take.
std::int64_t lists_size(const Call& call);

}  // namespace pyllsa

#pragma once

#include <vector>

#include "attend.hpp"

namespace pyllsa {

/// Fewer key heads than query heads (spec section 9), without copies of the inputs: one call for each batch entry,
/// where a key head and its `g` query heads are a batch entry with `g` heads that all show the same keys. `first_head`
/// of each call says where its lists lie. As many key heads: the call itself. Throws `llsa::Error` when they do not
/// divide the query heads.
std::vector<Call> per_group(const Call& call);

/// Array `a` `[batch, groups * g, ...]` of batch entry `b` as `[groups, g, ...]`; with `shared` its heads are the
/// groups, and the `g` all show the same. `element` is the size of an element in bytes.
Array group_view(const Array& a, std::int64_t b, std::int64_t groups, std::int64_t g, bool shared, std::size_t element);

/// `to[b, head] = sum over j ascending of parts[head, j]`, for `parts` `[groups, g, tokens, dim]`.
template <class T>
void sum_groups(const llsa::Tensor<T>& parts, const llsa::TensorView<T>& to, std::int64_t b) {
  using C = llsa::Accumulate<T>;
  const llsa::Shape& s = parts.shape();
  for (std::int64_t head = 0; head < s.batch; ++head)
    for (std::int64_t t = 0; t < s.tokens; ++t)
      for (std::int64_t d = 0; d < s.dim; ++d) {
        C sum{0};
        for (std::int64_t j = 0; j < s.heads; ++j) sum += static_cast<C>(parts(head, j, t, d));
        to(b, head, t, d) = static_cast<T>(sum);
      }
}

}  // namespace pyllsa

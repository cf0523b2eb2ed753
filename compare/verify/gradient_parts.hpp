#pragma once

#include <functional>
#include <vector>

#include "compare/problem.hpp"
#include "compare/verify/decompose.hpp"
#include "compare/verify/definition.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::compare::verify {

/// The parts that the right dK and dV are summed from, by level of the keys (the ragged last token of a level apart),
/// and for dK on request by term of dS. Each part's values are `[batch, heads, Nk, dim]`, contiguous.
struct KeyValueParts {
  std::vector<Part> key, value;
};

/// `outcome` is what the reference computed for `problem` in double. Spec section 5.
KeyValueParts key_value_parts(const Problem<double>& problem, const Outcome<double>& outcome, bool by_term,
                              ThreadPool& threads);

/// A token of one head, `[batch * heads]`.
struct RowRef {
  std::int64_t head = 0, token = 0;
};

/// The same for rows of dQ; each part's values are `[rows, D]`. `selection` null: the definition selects.
std::vector<Part> query_parts(DefinitionEvaluator& evaluator, const Definition& definition,
                              const std::vector<RowRef>& rows, const Selection* selection);

/// The whole gradient of one head under any definition, query by query. `[1, 1, tokens, dim]`. O(Nq * keys * D).
struct HeadGradients {
  Tensor<double> query, key, value;
};
HeadGradients definition_gradients(DefinitionEvaluator& evaluator, const Definition& definition, std::int64_t head,
                                   const Selection* selection);

}  // namespace llsa::compare::verify

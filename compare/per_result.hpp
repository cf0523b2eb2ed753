#pragma once

#include <string>

#include "compare/comparator.hpp"
#include "compare/problem.hpp"

namespace llsa::compare {

/// One U for each result that attention computes.
template <class U>
struct PerResult {
  U output{}, lse{}, query_gradient{}, key_gradient{}, value_gradient{};

  /// Calls `visit(name, u)` for each, with the names that files and reports give them.
  template <class Visit>
  void for_each(Visit visit) const {
    visit("o", output);
    visit("lse", lse);
    visit("dq", query_gradient);
    visit("dk", key_gradient);
    visit("dv", value_gradient);
  }
};

/// Results in double. A tensor without elements was not computed.
using Results = PerResult<Tensor<double>>;

/// Of a run that stored T, converted.
template <class T>
Results results_of(const Outcome<T>& outcome);

/// Compares what both sides have; the rest stays at `Comparison{}`, which no tolerance rejects. LSE is compared
/// absolutely, the others relative to their size or to `magnitudes`. What `want` holds is not rounded to a storage
/// type: a right result that is stored in one has an error of its own. Throws `Error` when shapes differ.
PerResult<Comparison> compare_results(const Results& got, const Results& want, const Magnitudes& magnitudes);

/// One line about the first result that is not within its tolerance; empty when all are.
std::string explain(const PerResult<Comparison>& comparisons, const PerResult<Tolerance>& allowed);

}  // namespace llsa::compare

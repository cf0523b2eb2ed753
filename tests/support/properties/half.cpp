#include "support/problem.hpp"
#include "support/properties/properties.hpp"

namespace llsa::testing {

template <class T>
Verdict errs_little_more_than_dense_attention(Attention<T>& attention, const Case& c) {
  ThreadPool threads(1);
  const Problem<T> problem(c);
  const compare::Problem<double> exact = problem.exact();
  const auto dense = compare::dense_errors(attention, exact, true, threads);
  return matches_the_oracle(run_both(attention, problem), exact,
                            compare::derived_allowances(exact, dtype_of<T>(), dense));
}

template Verdict errs_little_more_than_dense_attention(Attention<half>&, const Case&);
template Verdict errs_little_more_than_dense_attention(Attention<bfloat16>&, const Case&);

}  // namespace llsa::testing

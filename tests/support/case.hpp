#pragma once

#include <rapidcheck.h>

#include <iosfwd>

#include "llsa/options.hpp"
#include "support/strided_tensor.hpp"

namespace llsa::testing {

/// What the numbers of a problem look like.
enum class Values {
  normal,    ///< independent, standard normal times the magnitude
  integers,  ///< -2 ... 2: scores often tie, and sums are exact
  constant,  ///< all tokens alike: every score ties
  hot_key,   ///< normal, with one key that dominates
};

/// A whole attention problem in a handful of numbers, so that it prints on one line and shrinks to something small.
/// Every case is valid; tensors follow from `seed`.
struct Case {
  std::int64_t batch = 1, heads = 1, query_tokens = 1, key_tokens = 1, dim = 1, value_dim = 1;
  Options options;
  Values values = Values::normal;
  double magnitude = 1;
  std::uint64_t seed = 0;
  Layout query_layout = Layout::contiguous, key_layout = Layout::contiguous, value_layout = Layout::contiguous;
  Layout output_layout = Layout::contiguous;
  std::int64_t group = 1;  ///< query heads that share a key head; divides `heads`

  Shape query_shape() const { return {batch, heads, query_tokens, dim}; }
  Shape key_shape() const { return {batch, heads / group, key_tokens, dim}; }
  Shape value_shape() const { return {batch, heads / group, key_tokens, value_dim}; }
  Shape output_shape() const { return {batch, heads, query_tokens, value_dim}; }
  Shape lse_shape() const { return {batch, heads, query_tokens, 1}; }
  ResolvedOptions resolved() const { return resolve(options, query_shape(), key_shape(), value_shape()); }
};

std::ostream& operator<<(std::ostream& out, const Case& c);

/// The largest problem to generate; slower implementations take smaller ones.
struct Limits {
  std::int64_t tokens = 300, batch = 3, heads = 3, dim = 20;
};

/// Valid problems: lengths around block boundaries, primes and ragged tails, Nq != Nk, Dv != D, B from 2 to 32, L from
/// 0 to 4, one K or one for each level, any Le, both coverages, all layouts.
rc::Gen<Case> cases(const Limits& limits = {});

/// The case with scores of order 1 and more than a few numbers: where one key outweighs all others, or by luck, dense
/// attention has no error to compare with.
Case well_conditioned(Case c);

/// Adds what kind of problem it is to the property's printed distribution.
void classify(const Case& c);

}  // namespace llsa::testing

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compare/problem.hpp"

namespace llsa::compare {

/// What a case's tensors hold. All are seeded; values are floats, so that every precision sees the same problem.
enum class Content {
  normal,          ///< independent normal numbers; Q is multiplied by `spread`, so scores have about that spread
  equal_scores,    ///< Q and K constant: every score of a level ties, the lowest indices must be selected
  repeated_keys,   ///< whole blocks of K repeat, so that some scores tie exactly
  hot_key,         ///< one key that every query is drawn to
  huge,            ///< V of 1e15, K of 1e12, Q of 1e-12; for f16 V of 1e3, K of 1e2, Q of 1e-2
  tiny,            ///< V and dO of 1e-12, K of 1e-12, Q of 1e12; for f16 V and dO of 0.1, K of 1e-2, Q of 1e2
  constant_value,  ///< V constant: so must the output be
  nan_token,       ///< NaN in one query, one key and one value token
  inf_token,       ///< infinity in one value token and in one key token
};

/// One problem of the battery, made when its turn comes.
struct BatteryCase {
  std::string name;
  Shape query, key;  ///< `[batch, heads, tokens, D]`
  std::int64_t value_dim = 8;
  Options options;
  Content content = Content::normal;
  double spread = 1;
  bool lse_gradient = true;
  std::uint64_t seed = 0;
};

/// Inputs and output gradients of a case, in the range of the type they will be stored in.
Problem<double> make_problem(const BatteryCase& spec, DType storage = DType::f32);

/// Fills in seeded normal output gradients where a problem has none.
void add_random_gradients(Problem<double>& problem, std::uint64_t seed);

/// The battery: sizes around block boundaries and primes, every option, spreads of scores, adversarial contents; with
/// `quick` a selection that takes about a second.
std::vector<BatteryCase> battery_cases(std::uint64_t seed, bool quick);

}  // namespace llsa::compare

#pragma once

#include <string>
#include <vector>

#include "compare/comparator.hpp"
#include "llsa/hierarchy.hpp"

namespace llsa::compare::verify {

/// Errors of a group of rows that lean one way by more than rounding to nearest can.
struct Leaning {
  std::string group;  ///< "head 3", "place 2 of every block", "the last block"
  bool gain = false;  ///< `value` is a factor less 1 (the errors follow the result), else the mean of got - want
  double value = 0, allowed = 0;
  std::string text() const;
};

struct LeaningOptions {
  Tolerance tolerance{};       ///< `relative_l2` is the root mean square error of a right result
  bool absolute = false;       ///< `relative_l2` is absolute, and there is no gain to look for
  DType storage = DType::f64;  ///< `want` is rounded to it first, as in `CompareOptions`
  double floor = 0;            ///< likewise
  std::int64_t block_size = 16;
  std::vector<char> rows;  ///< `[batch, head, token]`: rows with 0 are left out. Empty: all count
  /// `[batch, head, token]`: rows that have to do with a ragged last block of keys, a group of their own. Empty: none.
  std::vector<char> tail;
};

/// The mean signed error and the gain, sum(error * want) / sum(want^2), of every head, of every place in a block, of
/// the last block and of the blocks before it. Errors of one block are taken to be of one sign, so a group of n blocks
/// may lean by 4 / sqrt(n) of the allowed root mean square error, and by 1/16 of it however many there are. Returns the
/// worst of each kind of group, by how far it is beyond what is allowed; empty for right results.
std::vector<Leaning> find_leanings(TensorView<const double> got, TensorView<const double> want,
                                   const LeaningOptions& options);

}  // namespace llsa::compare::verify

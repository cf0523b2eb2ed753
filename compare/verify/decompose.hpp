#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "llsa/options.hpp"

namespace llsa::compare::verify {

/// dS_ij = P_ij (<dO_i, V_j> - <dO_i, O_i> + dLSE_i): which of the three a part of dQ or dK comes from, or all of them.
enum class Term { whole, product, delta, lse };

/// A part of the right gradient: what flows through the keys of one level and one term of dS.
struct Part {
  int level = 0;      ///< 0: the fine keys
  bool tail = false;  ///< only through the level's last token, which stands for fewer fine tokens than the others
  double count = 1;   ///< how many fine tokens a key of this part stands for
  Term term = Term::whole;
  std::vector<double> values;
};

/// The factor with which a gradient contains a part.
struct Coefficient {
  Part part;  ///< without values
  double value = 1;
  double error = 0;  ///< standard error from the residual; infinite when the parts cannot tell
  bool known() const { return error < 0.2; }
};

/// Least squares: target ~ sum of coefficient * part.
struct Decomposition {
  std::vector<Coefficient> coefficients;
  double residual = 0;  ///< ||target - fit|| / the larger of ||sum of all parts|| and ||target||
};

/// Parts may be collinear or zero: where they cannot be told apart the coefficients stay at 1, and say so by their
/// error. Non-finite elements of the target are left out. Parts and target have the same length.
Decomposition decompose(std::span<const Part> parts, std::span<const double> target);

/// What a decomposition says, in words.
struct Reading {
  std::string equation;             ///< "dV = 1.00 fine + 0.25 level 2, residual 3e-07"
  std::vector<std::string> errors;  ///< "the weight of level 2 is missing from its gradient"; empty when all are 1
};
/// `name` is "dQ", "dK" or "dV".
Reading read(const Decomposition& decomposition, const std::string& name, const ResolvedOptions& options);

}  // namespace llsa::compare::verify

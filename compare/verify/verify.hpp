#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compare/comparator.hpp"
#include "compare/selection_compare.hpp"
#include "compare/verify/decompose.hpp"
#include "compare/verify/judged.hpp"
#include "compare/verify/theirs.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::compare::verify {

enum class Verdict { right, wrong, not_judged };
std::string_view name_of(Verdict verdict);

/// What is said about one tensor of theirs.
struct TensorVerdict {
  std::string name;
  Verdict verdict = Verdict::not_judged;
  Tolerance tolerance{};
  Judged judged;                                 ///< how much of it, and by what
  std::optional<Comparison> comparison;          ///< values
  std::optional<SelectionComparison> selection;  ///< indices
  std::optional<Decomposition> decomposition;    ///< gradients
  std::string equation;                          ///< of the decomposition
  /// Why it is wrong, most telling first: what fails, what the error looks like, where it is.
  std::vector<std::string> findings;
};

/// What is said of all tensors together.
enum class Conclusion { right, wrong, not_judged_enough };
std::string_view name_of(Conclusion conclusion);

struct VerifyReport {
  ResolvedOptions options;
  std::vector<TensorVerdict> tensors;
  std::vector<std::string> notes;
  double required = 0.99;  ///< the share of the elements of every tensor that must be judged

  /// Wrong when anything is; right when of every tensor the required share was judged.
  Conclusion conclusion() const;
  bool right() const { return conclusion() == Conclusion::right; }
};

struct VerifyOptions {
  /// The arithmetic to expect: tolerances are never stricter than this type's. The stored types decide otherwise.
  std::optional<DType> tolerance;
  /// The coarsest type the inputs were stored in: scores are expected to be no better than it allows.
  DType inputs = DType::f64;
  double require_judged = 0.99;  ///< see `VerifyReport::required`
  bool diagnose = true;          ///< say what wrong results look like; it takes longer than judging them
  /// Called when a step begins, with its name.
  std::function<void(std::string_view)> on_step = [](std::string_view) {};
};

/// Judges the outputs of anybody's kernel against the reference in double (spec sections 3 to 5): the selection first,
/// then values on *their* selection where it was given and is well-formed, else on one that rounding allows
/// (`Expectation`), then gradients; says what wrong ones look like. Throws `Cancelled` when the pool's stop token asks
/// for it.
VerifyReport verify(const Problem<double>& problem, const Theirs& theirs, const VerifyOptions& options,
                    ThreadPool& threads);

}  // namespace llsa::compare::verify

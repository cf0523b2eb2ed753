#pragma once

#include <string>
#include <vector>

#include "compare/comparator.hpp"
#include "compare/verify/gradient_parts.hpp"
#include "compare/verify/theirs.hpp"

namespace llsa::compare::verify {

/// A tensor of theirs that is wrong, with all that is known about it.
struct Suspect {
  std::string name;
  const Tensor<double>* got = nullptr;
  const Tensor<double>* want = nullptr;
  Comparison comparison;
  CompareOptions how;  ///< how it was compared
  Tolerance tolerance{};
};

/// The best explanation among candidates that were compared with a suspect.
class Explanations {
 public:
  explicit Explanations(Tolerance tolerance) : tolerance_(tolerance) {}

  /// Notes how well the candidate called `name` fits.
  void add(const std::string& name, const Comparison& comparison);
  bool explained() const { return !fitting_.empty(); }
  /// "looks like: ..." when a candidate fits, "closest: ..." when one comes much nearer than `error`, the relative L2
  /// error against the right result; else empty.
  std::string text(double error) const;

 private:
  Tolerance tolerance_;
  std::vector<std::string> fitting_;
  std::string closest_;
  double closest_error_ = 1e300;
};

/// Mistakes that show without evaluating anything: zeros, a constant factor or offset, another memory layout, heads or
/// tokens in another order. `value` is V, for its mean. Empty when none fits.
std::string diagnose_copy(const Suspect& suspect, const Tensor<double>& value);

/// Tries alternative definitions on sampled rows of O and LSE (either may be null), returns a finding for each or
/// empty.
struct ForwardFindings {
  std::string output, lse;
};
ForwardFindings diagnose_forward(const Problem<double>& problem, const ResolvedOptions& options,
                                 const Selection* selection, const Suspect* output, const Suspect* lse);

/// Which alternative way of selecting gives the lists that were given (`level_given[l]`). Empty when none comes near.
std::string diagnose_selection(const Problem<double>& problem, const ResolvedOptions& options,
                               const Selection& selection, const std::vector<bool>& level_given);

/// A gradient of one head as a combination of the parts of the right one.
struct GradientFinding {
  Decomposition decomposition;
  std::string equation;
  std::vector<std::string> findings;
};
/// `problem` and `selection` are of one head (or have one head), `got` is its dQ, dK or dV according to `name` ("dq",
/// "dk", "dv"). When `wrong`, the parts are told apart by term, and alternative definitions are tried where they do not
/// explain it.
GradientFinding diagnose_gradient(const Problem<double>& problem, const ResolvedOptions& options,
                                  const Selection* selection, const std::string& name, const Tensor<double>& got,
                                  const Suspect& how, bool wrong, const std::string& hint, ThreadPool& threads);

/// Tries dO read through wrong strides for dQ, dK or dV, on the selection that theirs was judged on. Empty when none
/// fits.
std::string diagnose_strides(const Problem<double>& problem, const Selection& lists, const Suspect& suspect,
                             ThreadPool& threads);

/// Where the rows are that hold an element that is off, and whether they are those that attend to a ragged last block.
std::vector<std::string> findings_of_place(const Suspect& suspect, const Outcome<double>& truth,
                                           const ResolvedOptions& options);

/// One head of a problem or a selection, as a problem with one head.
Problem<double> one_head(const Problem<double>& problem, std::int64_t head);
Selection one_head(const Selection& selection, const ResolvedOptions& options, std::int64_t head);
Tensor<double> one_head(const Tensor<double>& tensor, std::int64_t head);

}  // namespace llsa::compare::verify

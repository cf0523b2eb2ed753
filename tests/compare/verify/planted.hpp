#pragma once

#include <functional>
#include <string>
#include <vector>

#include "compare/problem.hpp"
#include "compare/problem_cases.hpp"
#include "compare/verify/theirs.hpp"
#include "compare/verify/verify.hpp"
#include "reference/naive.hpp"

namespace llsa::compare::verify {

/// Somebody's kernel, written from the oracle's stages, with one mistake. Everything is right by default.
struct Mistake {
  /// The options that the kernel believes in.
  std::function<void(ResolvedOptions&)> options = [](ResolvedOptions&) {};
  /// Changes a pooled tensor of one level after it was made.
  std::function<void(Tensor<double>&, const Hierarchy&, int level)> pooled = [](Tensor<double>&, const Hierarchy&,
                                                                                int) {};
  using Levels = std::vector<Tensor<double>>;
  std::function<Selection(const Levels& query, const Levels& key, const ResolvedOptions&)> select =
      reference::naive_select;
  /// Changes the key set of fine query i.
  std::function<void(std::vector<reference::AttendedKey>&, const ResolvedOptions&)> keys =
      [](std::vector<reference::AttendedKey>&, const ResolvedOptions&) {};
  /// What P is multiplied by in the backward pass.
  std::function<double(const reference::AttendedKey&)> backward_factor = [](const reference::AttendedKey&) {
    return 1.0;
  };
  double delta = 1, lse_gradient = 1;       ///< factors of the terms of dS
  double query_factor = 1, key_factor = 1;  ///< of dQ and dK
  /// What a coarse gradient is divided by for each fine token below it.
  std::function<double(int level, double count)> divisor = [](int, double count) { return count; };
};

/// What the kernel computes. Slow; for small problems.
Outcome<double> compute(const Problem<double>& problem, const Mistake& mistake);

/// The outputs as a kernel would have written them.
struct Written {
  bool indices = true;
  DType storage = DType::f32;
  std::vector<std::string> only;  ///< names of tensors; empty: all
};
Theirs written(const Outcome<double>& outcome, const Written& how = {});

/// A problem with a ragged tail at both levels and both gradients: N = 203, B = 4, L = 2, K = 3, 2, two heads.
Problem<double> ragged_problem(const std::function<void(BatteryCase&)>& change = [](BatteryCase&) {});

VerifyReport verify_outcome(const Problem<double>& problem, const Outcome<double>& outcome, const Written& how = {});
VerifyReport verify_mistake(const Problem<double>& problem, const Mistake& mistake, const Written& how = {});

/// The verdict on one tensor; fails the test when it was not judged at all.
const TensorVerdict& verdict_of(const VerifyReport& report, const std::string& name);
/// All findings of a tensor in one text.
std::string findings_of(const VerifyReport& report, const std::string& name);

}  // namespace llsa::compare::verify

#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "llsa/dtype.hpp"

namespace llsa::compare::check {

/// How often `verify` did not accept outputs of one precision.
struct AdversaryCount {
  std::int64_t rejected = 0, tried = 0;
};

/// One kind of outputs at one size of error; or right ones, computed in another order.
struct AdversaryLine {
  std::string kind;
  double size = 0;     ///< 0: the kind has no size
  bool right = false;  ///< must always be accepted
  bool sure = false;   ///< must always be rejected
  /// By precision as in `adversary_precisions`, with indices and without.
  std::vector<AdversaryCount> with_indices, without_indices;
  bool passed() const;
};

constexpr DType adversary_precisions[] = {DType::f64, DType::f32, DType::f16, DType::bf16};

struct AdversaryReport {
  std::uint64_t seed = 0;
  std::vector<AdversaryLine> lines;
  /// Every right result was accepted, and every one that is wrong beyond doubt was rejected.
  bool passed() const;
};

struct AdversaryOptions {
  std::uint64_t seed = 1;
  bool quick = false;  ///< one small problem, every tensor once; otherwise three problems
  int threads = 0;
  std::stop_token stop;
  std::function<void(std::string_view name, std::int64_t lines)> on_line = [](std::string_view, std::int64_t) {};
};

/// Holds `verify` itself against outputs that are known to be right or wrong: right ones, spoiled in one tensor at a
/// time in each of the ways of `corruptions`, in every precision, with and without indices. Throws `Cancelled` when
/// asked to stop.
AdversaryReport run_adversaries(const AdversaryOptions& options);

std::string to_text(const AdversaryReport& report);
std::string to_json(const AdversaryReport& report);

}  // namespace llsa::compare::check

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "compare/comparator.hpp"
#include "compare/problem.hpp"
#include "compare/problem_cases.hpp"
#include "compare/selection_compare.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::compare::check {

/// One line of the battery: a case, an invariant, or a negative control.
struct BatteryLine {
  std::string name;
  bool control = false;  ///< a wrong result that the comparator must reject
  bool passed = false;   ///< for a control: it was rejected
  std::string oracle;    ///< what it was held against
  std::optional<SelectionComparison> selection;
  std::vector<std::pair<std::string, Comparison>> values;  ///< "o", "lse", "dq", "dk", "dv"
  Tolerance tolerance{};
  std::vector<std::string> findings;  ///< why it failed; for a control, why it was rejected
};

struct BatteryReport {
  std::string backend;
  DType precision = DType::f32;
  std::uint64_t seed = 0;
  std::vector<BatteryLine> lines;
  bool passed() const;
};

struct BatteryOptions {
  std::string backend = "reference";
  std::uint64_t seed = 1;
  bool quick = false;
  int threads = 0;
  /// Given tensors, to be checked instead of the seeded problems; the controls are always seeded.
  const Problem<double>* given = nullptr;
  std::stop_token stop;
  std::function<void(std::string_view name, std::int64_t lines)> on_line = [](std::string_view, std::int64_t) {};
};

/// Runs one implementation, storing T, through the battery: selection first, then values and
/// gradients on the selection it made, against the naive oracle at small sizes and the reference in double at larger
/// ones; repetition, thread counts and positions in the batch bit by bit; and the negative controls. A case that throws
/// fails with its message. Throws `Error` when the backend does not exist, `Cancelled` when asked to stop.
template <class T>
BatteryReport run_battery(const BatteryOptions& options);

/// Makes an implementation that works on these threads.
template <class T>
using MakeAttention = std::function<std::unique_ptr<Attention<T>>(ThreadPool&)>;
/// The same for an implementation that is no backend; `options.backend` is only its name.
template <class T>
BatteryReport run_battery(const BatteryOptions& options, const MakeAttention<T>& make);

/// The negative controls alone: wrong results (zeros, the mean of V, a shuffled selection, a backward without the
/// weight ...) judged by the same comparator. Every line passes when every one is rejected.
template <class T>
std::vector<BatteryLine> run_controls(std::uint64_t seed, ThreadPool& threads);

/// A case whose output errs by at most twice, and whose gradients by at most three times, what dense attention by the
/// same implementation errs by on the same inputs. T is not double.
template <class T>
BatteryLine judge_beside_dense(Attention<T>& attention, const BatteryCase& spec, ThreadPool& threads);

/// Judges what an implementation computed for a problem; the tolerances are those of T, of scores up to what the
/// problem has. The problem is one that T holds exactly (`as_stored`). `small`: against the naive oracle, else against
/// the reference in double.
template <class T>
BatteryLine judge_outcome(const std::string& name, const Problem<double>& problem, const Outcome<T>& outcome,
                          bool small, ThreadPool& threads);

}  // namespace llsa::compare::check

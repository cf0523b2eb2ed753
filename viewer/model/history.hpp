#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace llsa::viewer {

/// Undo and redo of a state that changes under a person's hands. Changes that follow each other within half a second,
/// and all that happen while something is held, are one step.
class History {
 public:
  /// Takes note of how things are at `seconds`, which never go back. Cheap when nothing changed.
  void note(const nlohmann::json& now, double seconds, bool held);
  /// The state before the last step, or after the one that was undone last; empty when there is none.
  std::optional<nlohmann::json> undo() { return step(before_, after_); }
  std::optional<nlohmann::json> redo() { return step(after_, before_); }
  bool can_undo() const { return !before_.empty(); }
  bool can_redo() const { return !after_.empty(); }
  /// Forgets everything: what comes next is the first state.
  void clear() { *this = {}; }

  static constexpr std::size_t most_steps = 200;

 private:
  std::optional<nlohmann::json> step(std::vector<nlohmann::json>& from, std::vector<nlohmann::json>& to);

  std::optional<nlohmann::json> now_;
  std::vector<nlohmann::json> before_, after_;
  std::optional<double> changed_;  ///< when the running step changed last; empty: the next change begins a step
};

}  // namespace llsa::viewer

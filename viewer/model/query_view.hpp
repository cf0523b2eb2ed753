#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "reference/key_runs.hpp"
#include "viewer/model/head_result.hpp"

namespace llsa::viewer {

/// A candidate of one level, spec section 3.
struct Candidate {
  std::int32_t token = 0;
  int rank = -1;  ///< 0 is the best; -1 when it was a candidate but not selected
  float score = 0;
};

/// What one level did for the query.
struct LevelView {
  std::int64_t query_token = 0;       ///< the query's ancestor at this level
  std::vector<Candidate> candidates;  ///< selected ones first, best first, then the others by token
  std::int64_t selected = 0;          ///< how many of them were selected
};

/// A member of the key set with what it gets.
struct ScoredKey {
  LevelToken key;
  double weight = 1;       ///< `n_l` or 1
  double score = 0;        ///< `scale <Q, K> + log weight`
  double probability = 0;  ///< its share of the softmax over the key set
};

/// Which weights a heat map shows.
enum class WeightKind { llsa, dense, difference };
std::string_view name_of(WeightKind kind);
/// Throws `Error` unless "llsa", "dense" or "difference".
WeightKind weight_kind_from(std::string_view name);

/// Everything about one query of one head: cheap enough to compute between two frames (two passes over the keys).
struct QueryView {
  std::shared_ptr<const HeadSelection> head;
  std::int64_t position = 0;      ///< in the sequence
  std::vector<LevelView> levels;  ///< `[l - 1]`
  std::vector<ScoredKey> keys;    ///< fine ones first, then level 1, 2, ...
  /// Weight per fine key, by cell (raster index) of the key grid. A coarse key's share is spread evenly over the fine
  /// tokens that it stands for, so both sum to 1.
  std::vector<float> llsa, dense, difference;

  double lse = 0, dense_lse = 0;
  double output_error = 0;  ///< |O - O_dense| / |O_dense| of this query
  double mass_held = 0;     ///< dense weight of the fine keys in the key set
  double shared_mass = 0;   ///< sum over keys of the smaller of both weights: 1 when LLSA gives what dense gives
  std::int64_t fine_keys = 0;
  double sparsity = 0;  ///< 1 - keys touched / all keys

  const LevelView& level(int l) const { return levels[static_cast<std::size_t>(l - 1)]; }
  const std::vector<float>& weights(WeightKind kind) const {
    return kind == WeightKind::llsa ? llsa : kind == WeightKind::dense ? dense : difference;
  }
};

/// `position` is of the sequence. Throws `Error` when it does not exist.
QueryView view_query(std::shared_ptr<const HeadSelection> head, std::int64_t position);

/// The key set of fine query `position` as runs.
std::vector<reference::KeyRun> key_runs(const HeadSelection& head, std::int64_t position);

/// Whether one of both stands for fine tokens of the other: itself, an ancestor or a descendant.
bool related(const Hierarchy& hierarchy, LevelToken a, LevelToken b);
/// The cells of the key grid that a key token stands for, and of the query grid for a query token.
std::vector<std::int64_t> key_cells(const HeadSelection& head, LevelToken token);
std::vector<std::int64_t> query_cells(const HeadSelection& head, LevelToken token);

}  // namespace llsa::viewer

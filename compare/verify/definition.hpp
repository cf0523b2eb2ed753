#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compare/problem.hpp"
#include "reference/naive.hpp"

namespace llsa::compare::verify {

/// How a coarse token is made from fine ones. They differ only where the last token stands for fewer than B^l tokens.
enum class Pooling { mean, zero_padded, mean_of_children, sum };

/// What a coarse key weighs when reweighting is on. `count` is right.
enum class Weight { count, full_span, block_size, squared_count };

/// How the lists are chosen. The defaults are spec section 3.
struct SelectionRule {
  bool ties_to_higher = false;  ///< equal scores: the higher index first
  bool lowest_scores = false;   ///< the worst candidates instead of the best
  bool flat = false;            ///< every token of the level is a candidate, not only what the parent selected
  bool parent_query = false;    ///< level l is scored with the query token of level l + 1
  bool parent_key = false;      ///< level l is scored with the key tokens of level l + 1
  bool own_block = false;       ///< the query's own block is always selected
  int block_shift = 0;          ///< the lists of the query block this many places further on are used
  bool parent_row = false;      ///< the lists are looked up with the query's token number of the level above
  friend bool operator==(const SelectionRule&, const SelectionRule&) = default;
};

/// Which keys a query attends to. The defaults are spec sections 4 and 6.
struct KeyRule {
  int dropped_level = -1;           ///< no keys of this level (0: no fine keys)
  bool selected_as_coarse = false;  ///< level l contributes what was selected there, not what were candidates
  bool every_coarse = false;        ///< level l contributes all its tokens
  Weight weight = Weight::count;
  bool base_two = false;   ///< 2^s in place of e^s
  bool zero_tail = false;  ///< a ragged last block is read as a full one, the keys behind the end as zeros
  friend bool operator==(const KeyRule&, const KeyRule&) = default;
};

/// A definition of attention: the one of the specification by default, or an alternative that a mistaken kernel might
/// compute. `options` already holds what options can express (no reweighting, other coverage, fewer blocks ...).
struct Definition {
  std::string name;  ///< what a kernel that computes this does differently; empty for the specification's own
  ResolvedOptions options;
  Pooling pooling = Pooling::mean;
  SelectionRule selection;
  KeyRule keys;

  bool last_writer_wins = false;   ///< a key's gradient is what its last query block adds, not the sum over all
  bool changes_selection = false;  ///< means nothing when the selection is given

  /// Options alone express it, so that the reference can compute it too.
  bool is_plain() const {
    return pooling == Pooling::mean && selection == SelectionRule{} && keys == KeyRule{} && !last_writer_wins;
  }
};

/// Query i's key set under a definition, with the softmax over it.
struct DefinedRow {
  std::vector<reference::AttendedKey> keys;
  std::vector<double> probability;  ///< P_ij, one for each key
  std::vector<double> output;       ///< O_i
  double lse = 0;                   ///< natural
  double largest = 0;               ///< the largest score, log weight included
};

/// Evaluates any definition, one query row at a time, straight from the formulas in double: nothing is shared with the
/// implementations that are judged. O(keys * D) a row plus the selection of its ancestors. Not safe for several
/// threads.
class DefinitionEvaluator {
 public:
  /// `most_levels`: the most levels that any definition asks for. The problem must outlive this.
  DefinitionEvaluator(const Problem<double>& problem, int most_levels);

  /// Row `i` of `head` (of batch * heads). With `given`, its lists are used instead of selecting.
  DefinedRow row(const Definition& definition, std::int64_t head, std::int64_t i, const Selection* given = nullptr);
  /// The lists `[l]` for l = 1..L that decide row `i`.
  std::vector<std::vector<std::int32_t>> lists(const Definition& definition, std::int64_t head, std::int64_t i);
  /// The smallest gap between the worst score selected and the best left out over the lists of row `i`, in units of
  /// |Q| max |K|: below the rounding of scores, another implementation may select otherwise. Infinite when all fit.
  double margin(const Definition& definition, std::int64_t head, std::int64_t i);

  const double* key(const Definition& definition, std::int64_t head, const reference::AttendedKey& ref);
  const double* value(const Definition& definition, std::int64_t head, const reference::AttendedKey& ref);
  const Problem<double>& problem() const { return problem_; }

 private:
  /// `[l]` is level l, the tensor itself at `[0]`.
  struct Levels {
    std::vector<Tensor<double>> query, key, value;
  };
  Levels& levels(Pooling pooling);
  std::vector<std::int32_t> select(const Definition& definition, Levels& levels, int level, std::int64_t head,
                                   std::int64_t i, const std::vector<std::int32_t>& parents, double* margin);
  std::vector<reference::AttendedKey> key_set(const Definition& definition,
                                              const std::vector<std::vector<std::int32_t>>& lists);
  std::vector<std::vector<std::int32_t>> chain(const Definition& definition, std::int64_t head, std::int64_t i,
                                               double* margin);

  const Problem<double>& problem_;
  int most_levels_;
  std::map<Pooling, Levels> levels_;
};

/// The specification's own definition for these options.
Definition specification(const ResolvedOptions& options);

/// The table of alternatives that are tried on wrong results, likely ones first. Some coincide with the specification
/// for given inputs (ties, ragged tails); the caller finds out by evaluating.
std::vector<Definition> alternative_definitions(const ResolvedOptions& options, std::int64_t head_dim);

}  // namespace llsa::compare::verify

#pragma once

#include <string>
#include <vector>

#include "backends/backends.hpp"
#include "compare/approximate/input.hpp"
#include "llsa/attention_choice.hpp"
#include "llsa/thread_pool.hpp"

namespace llsa::compare::approximate {

/// One way to attend; an empty order is the input's.
struct Configuration {
  AttentionChoice how = {};
  /// What "vsa" multiplies both branches with. Its own default is 1, with which the sum of two averages is about twice
  /// what dense attention gives; trained gates learn something else. Ignored by other methods.
  double gate = 1;
};

/// How far a configuration is from dense attention, over the sampled queries of all batch entries and heads.
struct Measurement {
  Configuration configuration = {};
  ResolvedOptions options = {};  ///< as they ran
  std::string order = {};
  double keys_per_query = 0;  ///< fine and coarse keys in the softmax, the mean over all queries
  /// Keys of a further branch: the pooled tokens of "vsa", all keys (linearly) of "sla".
  double other_keys = 0;
  double relative_l2 = 0;  ///< ||O - O_dense|| / ||O_dense||
  double cosine = 1;       ///< of O and O_dense as two long vectors
  /// The mean share of a query's dense attention that falls on the fine keys it selected: the sum of dense
  /// probabilities over them. 1 means that nothing was missed; coarse keys do not count.
  double mass = 1;
  double seconds = 0;  ///< of one forward pass over all queries
};

/// Measures configurations on one input against dense attention. No N x N array is made: the dense side is run tile by
/// tile, and the mass is exp(LSE of the selected fine keys alone - LSE of all keys).
class Judge {
 public:
  /// Dense attention is computed for `queries` tokens spread evenly over the sequence, or for all when 0 or more than
  /// there are. `threads` must outlive the judge. Throws `Error` for a backend that cannot run.
  Judge(Input input, std::int64_t queries, const std::string& backend, ThreadPool& threads);

  const Input& input() const { return input_; }
  std::int64_t sampled_queries() const { return static_cast<std::int64_t>(sample_.size()); }
  double dense_seconds() const { return dense_seconds_; }  ///< of one forward pass over the sampled queries

  /// Throws `Error` for options that do not fit, and for a token order where the grid is not known.
  Measurement measure(const Configuration& configuration);

 private:
  const Input& in_order(const std::string& order);

  Input input_;
  std::string backend_;
  ThreadPool* threads_;
  std::vector<std::int64_t> sample_;        ///< positions in the input's own order, ascending
  Tensor<float> dense_output_, dense_lse_;  ///< of the sampled queries
  double dense_seconds_ = 0;
  std::vector<Input> reordered_;  ///< orders that were asked for so far
};

/// `count` of `total` positions, one from each of `count` equal parts at a place that varies from part to part, so that
/// all places within a block are met; all of them when `count` is 0 or not below `total`.
std::vector<std::int64_t> spread_positions(std::int64_t total, std::int64_t count);

}  // namespace llsa::compare::approximate

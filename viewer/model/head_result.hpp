#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "llsa/selection.hpp"
#include "reference/pool.hpp"
#include "viewer/model/background.hpp"
#include "viewer/model/head.hpp"
#include "viewer/model/settings.hpp"

namespace llsa::viewer {

/// The selection of one head and all that follows from it alone. Level numbers run from 1 to L.
struct HeadSelection {
  std::shared_ptr<const Head> head;
  Settings settings;
  ResolvedOptions options;
  reference::Pyramid<float> query, key, value;
  Selection selection;
  /// Scores `<Q^(l)[t], K^(l)[c]>` beside `selection.level(l).indices`, `[l - 1]`; NaN beside -1.
  std::vector<std::vector<float>> scores;
  /// How many level-l query tokens selected each level-l key token, `[l - 1]`.
  std::vector<std::vector<float>> popularity;

  int levels() const { return options.levels; }
};

/// O and LSE of every query.
struct HeadOutputs {
  Tensor<float> output, lse;
  std::optional<std::int64_t> first_not_finite = {};  ///< the first query (sequence position) with NaN or infinity
};

/// LLSA against dense attention over some or all queries of the head.
struct HeadError {
  std::int64_t queries = 0;           ///< how many were compared
  bool exact = false;                 ///< all of them
  double relative_l2 = 0;             ///< |O - O_dense| / |O_dense|
  double lse_error = 0;               ///< largest |LSE - LSE_dense|
  double mass_held = 0;               ///< mean dense weight of the fine keys touched
  double keys_per_query = 0;          ///< mean size of the key set
  std::vector<float> query_error;     ///< relative L2 of each query by sequence position, NaN where not compared
  std::optional<std::int64_t> worst;  ///< the compared query with the largest error; NaN is worse than all others
};

/// Everything known about one side so far; later parts are null until computed.
struct HeadResult {
  std::shared_ptr<const HeadSelection> selection;
  std::shared_ptr<const HeadOutputs> outputs;
  std::shared_ptr<const HeadError> error;
};

/// Up to this many queries the head's error is exact without being asked for; beyond, `sampled_queries` spread over the
/// sequence are compared.
inline constexpr std::int64_t exact_error_limit = 8192, sampled_queries = 512;

/// Pools, selects, attends, then measures the error, publishing after each step. Throws `Error` for options that do not
/// fit the document, `Cancelled` when the job is to stop.
void analyse(const Background::Job& job, std::shared_ptr<const Document> document, const Settings& settings,
             const std::function<void(HeadResult)>& publish);

/// The error of every query of a head that was analysed. Throws `Cancelled` when the job is to stop.
HeadError measure_every_query(const Background::Job& job, const HeadSelection& selection, const HeadOutputs& outputs);

/// The steps one at a time. `given` lists replace the reference's selection (another backend's).
HeadSelection select_head(std::shared_ptr<const Head> head, const Settings& settings, ThreadPool& threads,
                          const Selection* given = nullptr);
HeadOutputs attend_head(const HeadSelection& selection, ThreadPool& threads);
/// Over `queries` sequence positions spread evenly (all when there are not more).
HeadError measure_error(const HeadSelection& selection, const HeadOutputs& outputs, std::int64_t queries,
                        ThreadPool& threads, const std::function<void(double)>& progress = {});

}  // namespace llsa::viewer

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compare/tables/scale.hpp"
#include "diffusion/settings.hpp"

namespace llsa::compare::tables {

/// One configuration that is trained, and what the paper reports for its counterpart.
struct TrainingRow {
  std::string label = {};
  diffusion::TrainConfig config = {};                 ///< of the first seed
  std::string paper_fid = {}, paper_throughput = {};  ///< as printed there (10^3 pixels/s on one H200); empty: none
};

/// A table of the paper in which models are trained.
struct TrainingTable {
  std::string name = {}, title = {};
  std::vector<std::string> remarks = {};
  std::vector<TrainingRow> rows = {};
  std::size_t reference = 0;  ///< the row that differences are taken to
  /// False when rows differ in what they learn (noise, times), so that their losses say nothing about each other.
  bool comparable_loss = true;
};

/// One method at one length, timed alone.
struct TimingCase {
  std::string label = {};  ///< of its column
  std::string method = {};
  Options options = {};
  std::int64_t tokens = 0;
};

/// A figure of the paper in which attention alone is timed; cases of one length take turns.
struct TimingTable {
  std::string name = {}, title = {};
  std::vector<std::string> remarks = {};
  std::vector<TimingCase> cases = {};
  bool forward = true;  ///< false: only the backward pass is reported
};

/// "2a", "2b", "2c", "3", "fig3", "fig4", "4a", "4b", "4c", "4d". "4b" has both parts.
std::vector<std::string> table_names();
/// Those that `name` stands for: itself, or all of them for "all". Throws `Error` listing the names for another one.
std::vector<std::string> requested_tables(std::string_view name);

/// The parts of table `name` at a scale. Rows that two tables share have equal configurations, so that they are trained
/// once.
std::optional<TrainingTable> training_table(std::string_view name, const Scale& scale);
std::optional<TimingTable> timing_table(std::string_view name, const Scale& scale);

/// Keys that a query of the model attends to (`compare::key_count`), without the branch of "vsa" and "sla".
double keys_per_query(const diffusion::TrainConfig& config);

}  // namespace llsa::compare::tables

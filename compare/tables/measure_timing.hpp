#pragma once

#include <functional>
#include <stop_token>

#include "compare/tables/table.hpp"

namespace llsa::compare::tables {

struct TimedCase {
  TimingCase timed = {};
  ResolvedOptions options = {};
  double keys_per_query = 0;                        ///< as `compare::key_count`
  std::vector<double> forward = {}, backward = {};  ///< seconds, one a repetition
};
struct MeasuredTiming {
  TimingTable table = {};
  std::vector<TimedCase> cases = {};
};

/// Times forward and backward of every case. Those of one length take turns, after one pass to warm up. `progress` is
/// told what comes next. Throws `Cancelled` when stopped.
MeasuredTiming measure_timing(const TimingTable& table, const Scale& scale, const std::string& backend, int threads,
                              std::stop_token stop, const std::function<void(const std::string&)>& progress);

}  // namespace llsa::compare::tables

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llsa/options.hpp"

namespace llsa::compare::recommend {

/// One setting of LLSA, the same K at every level, Le = L, reweighting on: what is chosen among.
struct Setting {
  std::int64_t block_size = 16;
  int levels = 1;
  std::int64_t top_k = 8;
  Coverage coverage = Coverage::overlapping;
  Options options() const;
  friend bool operator==(const Setting&, const Setting&) = default;
};

/// The error to expect of a setting, relative L2 against dense attention.
struct Expectation {
  double error = 0;                      ///< the median over inputs
  double low = 0, high = 0;              ///< the smallest and the largest of them
  std::int64_t inputs = 0;               ///< how many were measured
  std::int64_t shorter = 0, longer = 0;  ///< the measured lengths that N lies between; equal where N is one or outside
};

/// Measured errors of settings on inputs of several lengths, as `llsa-compare approximate --all-combinations --json`
/// writes them.
class Measurements {
 public:
  /// Throws `Error` that begins with `name` when the text is not such a file, or holds no usable row.
  Measurements(std::string_view json, const std::string& name);
  /// Those that come with the project (compare/recommend/measurements.json), compiled in.
  static const Measurements& shipped();

  /// Every setting that was measured at some length.
  const std::vector<Setting>& settings() const { return settings_; }
  /// What inputs they come from, one line each.
  const std::vector<std::string>& sources() const { return sources_; }
  /// Between two measured lengths errors are interpolated in log N; beyond them the nearest counts. Empty for a setting
  /// that was not measured.
  std::optional<Expectation> expect(const Setting& setting, std::int64_t tokens) const;
  std::int64_t longest() const;

 private:
  struct Row {
    Setting setting;
    std::int64_t tokens = 0;
    double error = 0;
  };
  std::vector<Row> rows_;
  std::vector<Setting> settings_;
  std::vector<std::string> sources_;
};

}  // namespace llsa::compare::recommend

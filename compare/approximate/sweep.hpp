#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compare/approximate/measure.hpp"

namespace llsa::compare::approximate {

/// Which values are tried. The first of each list is what everything else is compared at. An empty list takes the
/// values that suit the input (see `values_for`).
struct Sweep {
  std::vector<std::int64_t> top_k = {8, 4, 16, 32};
  std::vector<std::int64_t> block_sizes = {};
  std::vector<int> levels = {};
  std::vector<int> enrichment_levels = {};
  std::vector<Coverage> coverages = {Coverage::overlapping, Coverage::disjoint};
  std::vector<std::string> orders = {};
  /// Every combination of LLSA's values in one table, instead of one table for each list.
  bool all_combinations = false;
};

/// Throws `Error` naming the list, its value and what is allowed.
void validate(const Sweep& sweep);

/// The sweep with its empty lists filled in for an input: block sizes b, b/2, 2b, 4b, where b is 16, or 4 when 16
/// leaves fewer than 64 coarse keys; levels: the automatic number (at least 1), then the others up to it and one more;
/// all enrichment levels, L first; where the grid is known, the token order of the input and the others.
Sweep values_for(const Sweep& sweep, const Input& input);

/// Rows that belong together, and what they are there to show.
struct Section {
  std::string name = {}, note = {};
  std::vector<Measurement> rows = {};
};

/// Measures a sweep. Methods are held against LLSA at equal numbers of touched keys: each single-level one gets the K
/// with which it touches as many keys as LLSA did (`matching_top_k` of LLSA's measured number). `progress` is told what
/// comes next. Throws `Error` for values that do not fit the input.
std::vector<Section> run_sweep(Judge& judge, const Sweep& sweep,
                               const std::function<void(const std::string&)>& progress);

/// "llsa", "vsa, gates 1/2", ...
std::string label_of(const Configuration& configuration);

}  // namespace llsa::compare::approximate

#pragma once

#include <map>
#include <string>
#include <vector>

#include "cuda/ptx/counts.hpp"

namespace llsa::ptx {

using KernelCounts = std::map<std::string, Counts>;

/// Counts as JSON: an object by kernel, in it one by count. `read_counts` gives names and numbers back and throws
/// `Error` for anything else.
std::string to_json(const KernelCounts& counts);
std::map<std::string, std::map<std::string, std::uint64_t>> read_counts(const std::string& json);

/// One line for each count that is more than 2% above the kept one, each kernel that is new, and each that is gone.
std::vector<std::string> grown(const KernelCounts& now,
                               const std::map<std::string, std::map<std::string, std::uint64_t>>& kept);

}  // namespace llsa::ptx

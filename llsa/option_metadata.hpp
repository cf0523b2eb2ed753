#pragma once

#include <map>
#include <string>

#include "llsa/options.hpp"

namespace llsa {

/// Every option as resolved for a problem, in text, for the metadata of tensor files (docs/file-formats.md) and for
/// reports. Names as the programs' options, with underscores.
std::map<std::string, std::string> option_metadata(const ResolvedOptions& options);

/// Back: what the metadata does not say keeps its default, other keys are passed over. Whether the options fit a
/// problem is for `resolve` to check. Throws `Error` naming the key, its value and what is allowed.
Options options_from(const std::map<std::string, std::string>& metadata);

}  // namespace llsa

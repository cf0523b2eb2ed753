#pragma once

#include <map>
#include <string>

#include "llsa/options.hpp"

namespace llsa::compare {

/// Every option as resolved for a problem, in text, for metadata and reports. Names as the program's, with underscores.
std::map<std::string, std::string> describe_options(const ResolvedOptions& options);

}  // namespace llsa::compare

#pragma once

#include <map>
#include <optional>
#include <string>

#include "llsa/attention_choice.hpp"

namespace llsa {

/// Every option as resolved for a problem, in text, for the metadata of tensor files (docs/file-formats.md) and for
/// reports. Names as the programs' options, with underscores.
std::map<std::string, std::string> option_metadata(const ResolvedOptions& options);

/// Back: what the metadata does not say keeps its default, other keys are passed over. Whether the options fit a
/// problem is for `resolve` to check. Throws `Error` naming the key, its value and what is allowed.
/// One K for all levels and enrichment of all of them are read as such, so that they fit another number of levels.
Options options_from(const std::map<std::string, std::string>& metadata);

/// The attention that a file says its tensors ran with, under `method` (or `attention`, as captures call it) and the
/// options' names; empty when it says no block size. The tokens' order is not part of it: they are stored in theirs.
/// Throws `Error` as `options_from`, and for an unknown method.
std::optional<AttentionChoice> choice_from(const std::map<std::string, std::string>& metadata);

}  // namespace llsa

#pragma once

#include <string>

#include "compare/profile/profile.hpp"

namespace llsa::compare::profile {

/// Markdown: what was run, a table for each pass, fitted exponents, crossovers. Times are medians with half the
/// interquartile range in per cent of the median.
std::string profile_report(const Profile& profile);

/// google-benchmark's JSON: a context, every repetition, and mean, median, standard deviation and coefficient of
/// variation of each series. `executable` names the program in the context.
std::string profile_json(const Profile& profile, const std::string& executable);

/// Chrome's trace event format (chrome://tracing, Perfetto): every timed call, one row a method.
std::string profile_trace(const Profile& profile);

}  // namespace llsa::compare::profile

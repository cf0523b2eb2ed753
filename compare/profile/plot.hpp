#pragma once

#include <filesystem>

#include "compare/profile/profile.hpp"

namespace llsa::compare::profile {

/// Two charts side by side, total time against tokens for either pass: LLSA, dense attention, and dense attention
/// continued as N^2 beyond the last length at which it was timed, dashed and named so. Error bars span the quartiles.
/// Writes PNG or SVG by the path's ending; throws `Error` for another.
void plot_profile(const Profile& profile, const std::filesystem::path& path);

}  // namespace llsa::compare::profile

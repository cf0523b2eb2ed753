#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "compare/profile/profile.hpp"

namespace llsa::compare::profile {

/// Whether a backend of this build is timed on its device.
bool measures_on_device(std::string_view backend);

/// Fills in what `measure_profile` promises, for the request's lengths. Throws `Error` when nothing can run there,
/// `Cancelled` when asked to stop.
void measure_on_device(Profile& profile, const std::stop_token& stop,
                       const std::function<void(const std::string&)>& progress);

/// Markdown: for every length each stage with a warm and a flushed L2, and its rates beside the ceilings.
std::string device_report(const Profile& profile);

}  // namespace llsa::compare::profile
